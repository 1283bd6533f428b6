//! The files of the incident: how large each is, what its lines look like around a message, and where each true signal stands.
//!
//! Every file is written by its own source of numbers, so that one more file changes no other. Times run through the incident's six hours.

use std::fs::File;
use std::io::{BufWriter, Result, Write};

use chrono::{DateTime, TimeDelta, Utc};

use super::Order;
use super::random::Random;
use super::voices::{self, Cast, Said};

/// How the files are stored.
#[derive(Clone, Copy)]
pub(crate) enum Compress {
    None,
    Gzip,
    Zstd,
}

/// How long the record is.
const HOURS: i64 = 6;
/// The API server forgets Events after an hour: a list of them is not as long as a log. What is above that goes to the exporter's log.
const EVENT_LIST: u64 = 32 << 20;
/// A fragment of a long line in a container's log file.
const FRAGMENT: usize = 16 * 1024;

enum Stored {
    Plain(BufWriter<File>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl Write for Stored {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Stored::Plain(w) => w.write(bytes),
            Stored::Gzip(w) => w.write(bytes),
            Stored::Zstd(w) => w.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// One file being written.
struct Page<'t> {
    name: String,
    stored: Stored,
    line: u64,
    bytes: u64,
    truth: &'t mut Vec<String>,
}

impl Page<'_> {
    fn line(&mut self, text: &str) -> Result<()> {
        self.line += 1;
        self.bytes += text.len() as u64 + 1;
        self.stored.write_all(text.as_bytes())?;
        self.stored.write_all(b"\n")
    }

    /// The next lines tell this.
    fn tells(&mut self, signals: &[&str], at: DateTime<Utc>, lines: usize) {
        for signal in signals {
            self.truth.push(format!(
                "{}\t{}\t{lines}\t{signal}\t{}",
                self.name,
                self.line + 1,
                at.format("%Y-%m-%dT%H:%M:%S")
            ));
        }
    }

    fn close(self) -> Result<()> {
        match self.stored {
            Stored::Plain(mut w) => w.flush(),
            Stored::Gzip(w) => w.finish()?.flush(),
            Stored::Zstd(w) => w.finish()?.flush(),
        }
    }
}

fn page<'t>(order: &Order, name: &str, truth: &'t mut Vec<String>) -> Result<Page<'t>> {
    let ending = match order.compress {
        Compress::None => "",
        Compress::Gzip => ".gz",
        Compress::Zstd => ".zst",
    };
    let name = format!("{name}{ending}");
    let file = BufWriter::with_capacity(1 << 20, File::create(order.into.join(&name))?);
    let stored = match order.compress {
        Compress::None => Stored::Plain(file),
        Compress::Gzip => Stored::Gzip(flate2::write::GzEncoder::new(
            file,
            flate2::Compression::new(6),
        )),
        Compress::Zstd => Stored::Zstd(zstd::stream::write::Encoder::new(file, 3)?),
    };
    Ok(Page {
        name,
        stored,
        line: 0,
        bytes: 0,
        truth,
    })
}

/// Writes a message in a file's own envelope.
type Envelope = fn(&mut Random, DateTime<Utc>, &str, &str) -> String;

/// Writes all files.
pub(crate) fn make(order: &Order) -> Result<()> {
    std::fs::create_dir_all(&order.into)?;
    let cast = Cast::new(order.seed, order.nodes);
    let begin: DateTime<Utc> = DateTime::from_timestamp(1_716_336_000, 0).unwrap_or_default();
    let mut truth: Vec<String> = Vec::new();
    let share = |percent: f64| (order.bytes as f64 * percent / 100.0) as u64;
    let nodes = order.nodes as f64;
    for (index, node) in cast.nodes.iter().enumerate() {
        let story = voices::kubelet_story(&cast, index);
        lines(
            order,
            begin,
            &format!("kubelet-{node}.log"),
            share(24.0 / nodes),
            node,
            story,
            voices::kubelet,
            journal_kubelet,
            &cast,
            &mut truth,
        )?;
        let story = voices::containerd_story(&cast, index);
        lines(
            order,
            begin,
            &format!("containerd-{node}.log"),
            share(10.0 / nodes),
            node,
            story,
            voices::containerd,
            journal_containerd,
            &cast,
            &mut truth,
        )?;
    }
    lines(
        order,
        begin,
        "pods_shop_web_0.log",
        share(18.0),
        "",
        Vec::new(),
        voices::application,
        container,
        &cast,
        &mut truth,
    )?;
    lines(
        order,
        begin,
        "orders-service.log",
        share(8.0),
        "",
        Vec::new(),
        voices::application,
        spring,
        &cast,
        &mut truth,
    )?;
    lines(
        order,
        begin,
        "audit.log",
        share(26.0),
        "",
        voices::audit_story(&cast),
        voices::audit,
        bare,
        &cast,
        &mut truth,
    )?;
    lines(
        order,
        begin,
        "registry.log",
        share(7.0),
        "",
        Vec::new(),
        voices::registry,
        bare,
        &cast,
        &mut truth,
    )?;
    lines(
        order,
        begin,
        "registry-notifications.log",
        share(3.0),
        "",
        voices::push_story(&cast),
        voices::notification,
        bare,
        &cast,
        &mut truth,
    )?;
    lines(
        order,
        begin,
        "deploy.log",
        1,
        "",
        voices::deploy_story(&cast),
        voices::nothing,
        job,
        &cast,
        &mut truth,
    )?;
    let list = share(4.0).min(EVENT_LIST);
    events(order, begin, list, &cast, &mut truth)?;
    lines(
        order,
        begin,
        "event-exporter.log",
        share(4.0) - list,
        "",
        Vec::new(),
        voices::exported,
        bare,
        &cast,
        &mut truth,
    )?;
    let beside = order.into.with_extension("truth.tsv");
    std::fs::write(
        beside,
        truth
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect::<String>(),
    )
}

#[expect(clippy::too_many_arguments, reason = "what a file is made of")]
fn lines(
    order: &Order,
    begin: DateTime<Utc>,
    name: &str,
    bytes: u64,
    host: &str,
    mut story: Vec<(i64, Said)>,
    chatter: fn(&mut Random, &Cast, DateTime<Utc>, bool) -> Option<Said>,
    envelope: Envelope,
    cast: &Cast,
    truth: &mut Vec<String>,
) -> Result<()> {
    let mut random = Random::new(order.seed, name);
    let mut page = page(order, name, truth)?;
    story.sort_by_key(|(second, _)| *second);
    let mut story = story.into_iter().peekable();
    let span_us = HOURS * 3_600 * 1_000_000;
    let rare = 10_000.0 / order.density.max(1e-9);
    loop {
        let done = page.bytes as f64 / bytes.max(1) as f64;
        let mut at = begin + TimeDelta::microseconds((span_us as f64 * done.min(1.0)) as i64);
        let said = match story
            .next_if(|(second, _)| at >= begin + TimeDelta::seconds(*second) || done >= 1.0)
        {
            Some((second, said)) => {
                at = begin
                    + TimeDelta::seconds(second)
                    + TimeDelta::microseconds(random.below(900_000) as i64);
                said
            }
            None if done >= 1.0 => break,
            None => {
                let signal = random.once_in(rare);
                match chatter(&mut random, cast, at, signal) {
                    Some(said) => said,
                    None => {
                        page.bytes = page.bytes.max(bytes);
                        continue;
                    }
                }
            }
        };
        let text = envelope(&mut random, at, host, &said.text);
        page.tells(&said.signals, at, text.split('\n').count());
        for line in text.split('\n') {
            page.line(line)?;
        }
    }
    page.close()
}

/// Events as kubectl prints them: one list, indented.
fn events(
    order: &Order,
    begin: DateTime<Utc>,
    bytes: u64,
    cast: &Cast,
    truth: &mut Vec<String>,
) -> Result<()> {
    let mut random = Random::new(order.seed, "events");
    let mut page = page(order, "events.json", truth)?;
    page.line("{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
    page.line += 2;
    let mut story = voices::event_story(cast).into_iter().peekable();
    let mut first = true;
    loop {
        let done = page.bytes as f64 / bytes.max(1) as f64;
        let mut at = begin + TimeDelta::seconds((HOURS as f64 * 3_600.0 * done.min(1.0)) as i64);
        let event = match story
            .next_if(|(second, _)| at >= begin + TimeDelta::seconds(*second) || done >= 1.0)
        {
            Some((second, event)) => {
                at = begin + TimeDelta::seconds(second);
                event
            }
            None if done >= 1.0 => break,
            None => voices::event(&mut random, cast),
        };
        if !first {
            page.bytes += 1;
            page.stored.write_all(b",\n")?;
        }
        first = false;
        let text = event.object(&mut random, at);
        let lines = text.split('\n').count();
        page.tells(&event.signals, at, lines);
        page.line += lines as u64;
        page.bytes += text.len() as u64;
        page.stored.write_all(text.as_bytes())?;
    }
    page.line(
        "\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\"resourceVersion\": \"\"}\n}",
    )?;
    page.close()
}

fn journal_kubelet(_: &mut Random, at: DateTime<Utc>, host: &str, text: &str) -> String {
    let stamp = at.format("%Y-%m-%dT%H:%M:%S+0000");
    let (letter, text) = text.split_at(1);
    format!(
        "{stamp} {host} kubelet[1187]: {letter}{} 1187 {text}",
        at.format("%m%d %H:%M:%S%.6f")
    )
}

fn journal_containerd(_: &mut Random, at: DateTime<Utc>, host: &str, text: &str) -> String {
    let stamp = at.format("%Y-%m-%dT%H:%M:%S+0000");
    format!(
        "{stamp} {host} containerd[641]: time=\"{}\" {text}",
        at.format("%Y-%m-%dT%H:%M:%S%.9fZ")
    )
}

/// A container's log file: whole lines are `F`, pieces of longer ones `P`.
fn container(random: &mut Random, at: DateTime<Utc>, _: &str, text: &str) -> String {
    let stamp = at.format("%Y-%m-%dT%H:%M:%S%.9fZ");
    let mut text = text.to_owned();
    if random.once_in(2_000.0) {
        text.push_str(&format!(" body={}", random.hex(40_000)));
    }
    let mut lines = Vec::new();
    let mut rest = text.as_str();
    while rest.len() > FRAGMENT {
        let (piece, left) = rest.split_at(FRAGMENT);
        lines.push(format!("{stamp} stdout P {piece}"));
        rest = left;
    }
    lines.push(format!("{stamp} stdout F {rest}"));
    lines.join("\n")
}

fn spring(random: &mut Random, at: DateTime<Utc>, _: &str, text: &str) -> String {
    format!(
        "{}  INFO 1 --- [nio-8080-exec-{}] c.example.orders.OrderController        : {text}",
        at.format("%Y-%m-%d %H:%M:%S%.3f"),
        random.below(40)
    )
}

fn bare(_: &mut Random, _: DateTime<Utc>, _: &str, text: &str) -> String {
    text.to_owned()
}

fn job(_: &mut Random, at: DateTime<Utc>, _: &str, text: &str) -> String {
    format!("{} {text}", at.format("%Y-%m-%dT%H:%M:%S%.6f0Z"))
}
