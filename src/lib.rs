//! Rootline: from the files left after a Kubernetes incident to an evidence-linked postmortem.
//!
//! The rooms below stand in the order in which an incident passes through them. Start with [`pipeline`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test that cannot go on should stop"
    )
)]

pub mod model;

pub mod grammar;

pub mod collect;
pub mod detect;
pub mod scan;

pub mod align;
pub mod assess;
pub mod correlate;

pub mod pipeline;

pub mod batch;
pub mod redact;
pub mod render;
pub mod wire;

pub mod cli;
