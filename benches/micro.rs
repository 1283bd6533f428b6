//! Micro-benches: what one step of the work costs. `cargo bench --bench micro [-- WORD]` runs those whose name holds WORD.
//!
//! Each is run until a fifth of a second is over, five times, and the fastest counts: other work on the machine only makes it slower.
//! Whole runs are compared by `benches/compare`.

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use rootline::correlate::find_links;
use rootline::detect::detect;
use rootline::grammar::Grammars;
use rootline::grammar::stamp::Layout;
use rootline::model::{Basis, Content, Fact, Limits, Moment, Source};
use rootline::scan::scan;

/// Content in memory.
struct Text(Arc<[u8]>);

impl Content for Text {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(Arc::clone(&self.0))))
    }
}

fn source(text: &str) -> Source {
    Source {
        path: "a.log".to_owned(),
        name: "a.log".to_owned(),
        stored_bytes: text.len() as u64,
        compression: None,
        stamped_at: None,
        content: Arc::new(Text(Arc::from(text.as_bytes()))),
    }
}

struct Bench {
    only: Option<String>,
}

impl Bench {
    /// Says what one of `units` units costs.
    fn run(&self, name: &str, units: u64, unit: &str, mut work: impl FnMut()) {
        if self
            .only
            .as_ref()
            .is_some_and(|word| !name.contains(word.as_str()))
        {
            return;
        }
        let mut best = f64::MAX;
        for _ in 0..5 {
            let begin = Instant::now();
            let mut times = 0_u32;
            while times == 0 || begin.elapsed() < Duration::from_millis(200) {
                work();
                times += 1;
            }
            best = best.min(begin.elapsed().as_secs_f64() / f64::from(times));
        }
        let cost = best * 1e9 / units as f64;
        let _ = writeln!(std::io::stdout(), "{name:44} {cost:12.2} ns a {unit}");
    }
}

fn fact(kind: &str, millis: i64, node: &str) -> Fact {
    let mut fact = Fact::of_kind(kind);
    fact.entities.insert("node".to_owned(), node.to_owned());
    let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
    fact.moment = Some(Moment {
        at,
        precision: TimeDelta::milliseconds(1),
        basis: Basis::Stamp,
    });
    fact
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench {
        only: std::env::args()
            .skip(1)
            .find(|argument| !argument.starts_with('-')),
    };
    let grammars = Grammars::embedded().map_err(|mistakes| format!("{mistakes:?}"))?;
    bench.run("load all grammars", 1, "load", || {
        drop(black_box(Grammars::embedded()))
    });

    let dull = "2024-05-22T03:15:44+0000 wk-1 kubelet[812]: I0522 03:15:44.120000     812 kubelet_getters.go:187] \"Pod status updated\" pod=\"shop/cart-1\" status=\"Running\"\n".repeat(60_000);
    let told = "2024-05-22T03:15:44+0000 wk-1 kubelet[812]: I0522 03:15:44.120000     812 kubelet_node_status.go:689] \"Recording event message for node\" node=\"wk-1\" event=\"NodeHasDiskPressure\"\n".repeat(2_000);
    for (name, text, unit) in [
        ("scan lines that say nothing", &dull, "byte"),
        ("scan lines that say something", &told, "line"),
    ] {
        let sources = [source(text)];
        let (detections, _) = detect(&sources, &grammars);
        let units = if unit == "byte" {
            text.len()
        } else {
            text.lines().count()
        };
        bench.run(name, units as u64, unit, || {
            drop(black_box(scan(
                &sources,
                &detections,
                &grammars,
                Limits::default(),
            )))
        });
    }

    for format in grammars.peeler.formats() {
        if let Some(sample) = format.samples.first() {
            bench.run(&format!("peel {}", format.id), 1, "record", || {
                drop(black_box(grammars.peeler.peel_line(&sample.text)))
            });
        }
    }
    for (layout, text) in [
        ("rfc3339", "2024-05-22T03:15:44.123456Z"),
        ("%m%d %H:%M:%S%.6f", "0522 03:15:44.123456"),
        ("%b %e %H:%M:%S", "May 22 03:15:44"),
        ("%d/%b/%Y:%H:%M:%S %z", "22/May/2024:03:15:44 +0000"),
        ("epoch_us", "1716347744123456"),
        ("age", "5m23s"),
    ] {
        let stamp = Layout::parse(layout)?;
        bench.run(&format!("stamp {layout}"), 1, "stamp", || {
            drop(black_box(stamp.take(text)))
        });
    }

    let constants = grammars.physics.for_version(None);
    let kinds = [
        "disk_pressure_on",
        "pull_failed",
        "evicted",
        "disk_pressure_off",
        "node_not_ready",
        "node_ready",
    ];
    for count in [1_000_i64, 10_000, 100_000, 1_000_000] {
        let facts: Vec<Fact> = (0..count)
            .map(|i| {
                fact(
                    kinds[i as usize % kinds.len()],
                    i * 50,
                    &format!("wk-{}", (i / 6) % (count / 200)),
                )
            })
            .collect();
        bench.run(
            &format!("correlate {count} facts, 200 a node"),
            count as u64,
            "fact",
            || drop(black_box(find_links(&facts, &grammars.rules, &constants))),
        );
        if count <= 100_000 {
            let facts: Vec<Fact> = (0..count)
                .map(|i| fact(kinds[i as usize % kinds.len()], i * 1_000 / count, "wk-1"))
                .collect();
            bench.run(
                &format!("correlate {count} facts, one node, one second"),
                count as u64,
                "fact",
                || drop(black_box(find_links(&facts, &grammars.rules, &constants))),
            );
        }
    }
    Ok(())
}
