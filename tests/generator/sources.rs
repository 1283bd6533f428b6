//! Happenings → files: the envelopes of one cluster, what is lost of them, and which bytes tell what.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::wording::Runtime;
use super::world::{Event, Line, World, Writer, iso};
use super::{File, Incident, Mark, Story, Told};

/// How services of a host are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    ShortIso,
    Short,
    Json,
    Rsyslog,
    Raw,
    KlogJson,
}

/// How pods of the control plane are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pods {
    Raw,
    Cri,
    DockerJson,
    KlogJson,
}

struct Style {
    host: Host,
    pods: Pods,
    /// Seconds east of UTC of the hosts' local time.
    zone: i64,
    short_names: bool,
    event_lines: bool,
    bracketed_deploy: bool,
    folder: &'static str,
}

fn style(rng: &mut Rng, minor: u32) -> Style {
    let host = match rng.u8(0..12) {
        0..=3 => Host::ShortIso,
        4 => Host::Short,
        5..=6 => Host::Json,
        7..=8 => Host::Rsyslog,
        9..=10 => Host::Raw,
        _ if minor >= 24 => Host::KlogJson,
        _ => Host::Raw,
    };
    let pods = match rng.u8(0..6) {
        0..=1 => Pods::Raw,
        2..=3 => Pods::Cri,
        4 if minor <= 24 => Pods::DockerJson,
        5 if minor >= 27 => Pods::KlogJson,
        _ => Pods::Cri,
    };
    let zone = if rng.u8(0..8) == 0 {
        [7200, -18_000, 19_800, 3600][rng.usize(0..4)]
    } else {
        0
    };
    Style {
        host,
        pods,
        zone,
        short_names: rng.u8(0..4) == 0,
        event_lines: rng.u8(0..4) == 0,
        bracketed_deploy: rng.bool(),
        folder: ["", "", "logs/", "bundle/cluster-a/"][rng.usize(0..4)],
    }
}

/// Writes everything, after losing some of it.
pub(crate) fn write(mut world: World, stories: Vec<Story>, decoys: Vec<&'static str>) -> Incident {
    let mut rng = world.rng.fork();
    let style = style(&mut rng, world.minor);
    silence(&mut world);
    skew(&mut world, &mut rng);
    let lost = lost_sources(&mut rng, &world);
    world
        .lines
        .retain(|line| !lost.contains(&category(&line.writer, &world.nodes)));
    if lost.contains("events") {
        world.events.clear();
    }
    if rng.u8(0..5) < 2 {
        // A rotated or overloaded log misses a line here and there; a collector sends one twice.
        let (gone, twice) = (rng.f64() * 0.02, rng.f64() * 0.02);
        world.lines.retain(|_| rng.f64() >= gone);
        let again: Vec<Line> = world
            .lines
            .iter()
            .filter(|_| rng.f64() < twice)
            .cloned()
            .collect();
        world.lines.extend(again);
        world.events.retain(|_| rng.f64() >= gone);
    }
    let mut happenings: Vec<Told> = world
        .happenings
        .iter()
        .map(|h| Told {
            kind: h.kind,
            at: h.at,
            node: h.node.clone(),
            pod: h.pod.clone(),
            causes: h.causes.clone(),
            told: false,
        })
        .collect();
    let mut files = log_files(&world, &style, &mut happenings);
    files.extend(event_file(&world, &style, &mut happenings));
    if world.needs_nodes || rng.u8(0..3) == 0 {
        files.push(node_file(&world, &style));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let about = format!(
        "1.{} {:?} {:?} {:?} zone {} short {} nodes {} lost {lost:?}",
        world.minor,
        world.runtime,
        style.host,
        style.pods,
        style.zone,
        style.short_names,
        world.nodes.len()
    );
    Incident {
        files,
        stories,
        happenings,
        decoys,
        about,
    }
}

/// A silent node writes nothing.
fn silence(world: &mut World) {
    let World {
        silent,
        lines,
        events,
        nodes,
        ..
    } = world;
    let quiet = |node: usize, at: i64| {
        silent
            .iter()
            .any(|(n, from, to)| *n == node && at >= *from && at < *to)
    };
    lines.retain(|line| match line.writer {
        Writer::Kubelet(node) | Writer::Runtime(node) => !quiet(node, line.at),
        _ => true,
    });
    events.retain(|event| {
        let node = event
            .host
            .as_ref()
            .and_then(|host| nodes.iter().position(|n| n == host));
        node.is_none_or(|node| !quiet(node, event.at))
    });
}

/// Now and then one node's clock is off: its own logs and its kubelet's Events are.
fn skew(world: &mut World, rng: &mut Rng) {
    let (limit, chance) = (rng.u8(0..100), rng.usize(0..world.nodes.len()));
    let offset = match limit {
        0..=79 => return,
        80..=95 => rng.i64(-1_500..1_500),
        _ => rng.i64(3_000..45_000) * if rng.bool() { 1 } else { -1 },
    };
    let name = world.nodes[chance].clone();
    for line in &mut world.lines {
        if matches!(line.writer, Writer::Kubelet(node) | Writer::Runtime(node) if node == chance) {
            line.at += offset;
        }
    }
    for event in world
        .events
        .iter_mut()
        .filter(|e| e.host.as_ref() == Some(&name))
    {
        event.at += offset;
    }
}

fn category(writer: &Writer, nodes: &[String]) -> String {
    match writer {
        Writer::Kubelet(_) => "kubelet".to_owned(),
        Writer::Runtime(node) => format!("runtime {}", nodes.get(*node).map_or("", String::as_str)),
        Writer::ControllerManager => "kcm".to_owned(),
        Writer::ApiServer => "apiserver".to_owned(),
        Writer::Scheduler => "scheduler".to_owned(),
        Writer::Deploy => "deploy".to_owned(),
        Writer::Registry => "registry".to_owned(),
        Writer::Audit => "audit".to_owned(),
    }
}

fn lost_sources(rng: &mut Rng, world: &World) -> BTreeSet<String> {
    let mut lost = BTreeSet::new();
    let all = [
        "kubelet",
        "runtime",
        "events",
        "audit",
        "deploy",
        "registry",
        "kcm",
        "scheduler",
    ];
    let count = match rng.u8(0..20) {
        0..=9 => 0,
        10..=15 => 1,
        16..=18 => 2,
        _ => 4,
    };
    for _ in 0..count {
        let name = all[rng.usize(0..all.len())];
        if name == "runtime" {
            lost.extend(world.nodes.iter().map(|n| format!("runtime {n}")));
        }
        lost.insert(name.to_owned());
    }
    // Seldom both: then hardly anything is left to judge.
    if lost.contains("events") && lost.contains("kubelet") {
        lost.remove("events");
    }
    lost
}

// ---- logs -----------------------------------------------------------------------------------------------------------------

fn log_files(world: &World, style: &Style, happenings: &mut [Told]) -> Vec<File> {
    let mut by_file: BTreeMap<(String, Writer), Vec<&Line>> = BTreeMap::new();
    for line in &world.lines {
        by_file
            .entry((file_name(world, style, line), line.writer.clone()))
            .or_default()
            .push(line);
    }
    let mut files = Vec::new();
    for ((name, writer), mut lines) in by_file {
        lines.sort_by_key(|l| l.at);
        let mut file = File {
            name: format!("{}{name}", style.folder),
            bytes: Vec::new(),
            marks: Vec::new(),
        };
        if style.host == Host::Short && matches!(writer, Writer::Kubelet(_) | Writer::Runtime(_)) {
            let (first, last) = (
                lines.first().map_or(0, |l| l.at),
                lines.last().map_or(0, |l| l.at),
            );
            file.bytes.extend(
                format!(
                    "-- Journal begins at {}, ends at {}. --\n",
                    weekday(first - 9_000_000, style),
                    weekday(last, style)
                )
                .bytes(),
            );
        }
        for line in lines {
            let text = enveloped(world, style, line);
            let start = file.bytes.len() as u64;
            file.bytes.extend(text.bytes());
            let end = file.bytes.len() as u64;
            file.bytes.push(b'\n');
            if let Some(id) = line.tells {
                happenings[id].told |= !line.hint;
            }
            file.marks.push(Mark {
                start,
                end,
                tells: line.tells.into_iter().collect(),
            });
        }
        files.push(file);
    }
    files
}

fn weekday(at: i64, style: &Style) -> String {
    let text = iso(at, style.zone);
    let day = (at.div_euclid(1000) + style.zone).div_euclid(86_400);
    let name = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][day.rem_euclid(7) as usize];
    let zone = match style.zone {
        0 => "UTC".to_owned(),
        other => offset(other, ""),
    };
    format!("{name} {} {} {zone}", &text[..10], &text[11..])
}

fn offset(zone: i64, colon: &str) -> String {
    let sign = if zone < 0 { '-' } else { '+' };
    format!(
        "{sign}{:02}{colon}{:02}",
        zone.abs() / 3600,
        zone.abs() / 60 % 60
    )
}

fn file_name(world: &World, style: &Style, line: &Line) -> String {
    let raw = matches!(style.host, Host::Raw | Host::KlogJson);
    match &line.writer {
        Writer::Kubelet(node) if raw => format!("nodes/{}/kubelet.log", world.nodes[*node]),
        Writer::Kubelet(node) => format!("kubelet-{}.log", world.nodes[*node]),
        Writer::Runtime(node) if raw => format!(
            "nodes/{}/{}.log",
            world.nodes[*node],
            world.runtime.identifier()
        ),
        Writer::Runtime(node) => {
            format!("{}-{}.log", world.runtime.identifier(), world.nodes[*node])
        }
        Writer::ControllerManager => "kube-controller-manager.log".to_owned(),
        Writer::ApiServer => "kube-apiserver.log".to_owned(),
        Writer::Scheduler => "kube-scheduler.log".to_owned(),
        Writer::Deploy => "deploy.log".to_owned(),
        Writer::Registry if line.text.starts_with('{') => "registry-notifications.log".to_owned(),
        Writer::Registry => "registry.log".to_owned(),
        Writer::Audit => "audit.log".to_owned(),
    }
}

fn enveloped(world: &World, style: &Style, line: &Line) -> String {
    match &line.writer {
        Writer::Kubelet(node) => on_host(
            world,
            style,
            *node,
            "kubelet",
            835,
            line.at,
            &component_line(style.host == Host::KlogJson, style.zone, 835, line),
        ),
        Writer::Runtime(node) => {
            let text = logrus(world.runtime, world.minor, style.zone, line);
            on_host(
                world,
                style,
                *node,
                world.runtime.identifier(),
                612,
                line.at,
                &text,
            )
        }
        Writer::ControllerManager | Writer::Scheduler | Writer::ApiServer => {
            let text = component_line(style.pods == Pods::KlogJson, 0, 1, line);
            match style.pods {
                Pods::Raw | Pods::KlogJson => text,
                Pods::Cri => format!("{} stderr F {text}", nanos(line.at)),
                Pods::DockerJson => {
                    json!({"log": format!("{text}\n"), "stream": "stderr", "time": nanos(line.at)})
                        .to_string()
                }
            }
        }
        Writer::Deploy if style.bracketed_deploy => format!(
            "[{}] INFO: {}",
            iso(line.at, 0).replace('T', " "),
            line.text
        ),
        Writer::Deploy => format!(
            "{}.{:03}4567Z {}",
            iso(line.at, 0),
            line.at.rem_euclid(1000),
            line.text
        ),
        Writer::Registry | Writer::Audit => line.text.clone(),
    }
}

fn nanos(at: i64) -> String {
    format!("{}.{:03}456789Z", iso(at, 0), at.rem_euclid(1000))
}

fn on_host(
    world: &World,
    style: &Style,
    node: usize,
    unit: &str,
    pid: u32,
    at: i64,
    text: &str,
) -> String {
    let name = &world.nodes[node];
    let host = if style.short_names {
        name.split('.').next().unwrap_or(name)
    } else {
        name
    };
    let local = iso(at, style.zone);
    match style.host {
        Host::ShortIso => format!("{local}{} {host} {unit}[{pid}]: {text}", offset(style.zone, "")),
        Host::Short => {
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][local[5..7].parse::<usize>().unwrap_or(1) - 1];
            format!("{month} {} {} {host} {unit}[{pid}]: {text}", &local[8..10], &local[11..])
        }
        Host::Rsyslog => format!("{local}.{:03}456{} {host} {unit}[{pid}]: {text}", at.rem_euclid(1000), offset(style.zone, ":")),
        Host::Json => json!({
            "__REALTIME_TIMESTAMP": format!("{}", at * 1000 + 456), "_HOSTNAME": host, "SYSLOG_IDENTIFIER": unit, "_SYSTEMD_UNIT": format!("{unit}.service"),
            "_PID": pid.to_string(), "PRIORITY": "6", "MESSAGE": text,
        })
        .to_string(),
        Host::Raw | Host::KlogJson => text.to_owned(),
    }
}

/// A klog line, as text or as JSON.
fn component_line(as_json: bool, zone: i64, pid: u32, line: &Line) -> String {
    if as_json && let Some(record) = klog_json(line) {
        return record;
    }
    let local = iso(line.at, zone);
    format!(
        "{}{}{} {}.{:03}456 {pid:>7} source.go:{}] {}",
        line.level,
        &local[5..7],
        &local[8..10],
        &local[11..],
        line.at.rem_euclid(1000),
        40 + line.text.len() % 700,
        line.text
    )
}

fn klog_json(line: &Line) -> Option<String> {
    let mut record = Map::new();
    record.insert("ts".to_owned(), json!(line.at as f64 + 0.456));
    record.insert("caller".to_owned(), json!("component/source.go:321"));
    if line.level != 'E' {
        record.insert("v".to_owned(), json!(2));
    }
    match line.text.strip_prefix('"') {
        None => {
            record.insert("msg".to_owned(), json!(line.text));
        }
        Some(_) => {
            let (message, mut rest) = quoted(&line.text)?;
            record.insert("msg".to_owned(), json!(message));
            while let Some((key, after)) = rest.trim_start().split_once('=') {
                let (value, next) = if after.starts_with('"') {
                    let (value, next) = quoted(after)?;
                    (json!(value), next)
                } else {
                    let end = if after.starts_with(['[', '{']) {
                        after.rfind([']', '}'])? + 1
                    } else {
                        after.find(' ').unwrap_or(after.len())
                    };
                    (
                        serde_json::from_str(&after[..end]).unwrap_or_else(|_| json!(after[..end])),
                        &after[end..],
                    )
                };
                // References to objects are objects here.
                let value = match (key, value.as_str().and_then(|v| v.split_once('/'))) {
                    ("pod", Some((namespace, name))) => {
                        json!({"name": name, "namespace": namespace})
                    }
                    ("replicaSet", Some((namespace, name))) => {
                        json!({"name": name, "namespace": namespace})
                    }
                    _ => value,
                };
                record.insert(key.to_owned(), value);
                rest = next;
            }
        }
    }
    Some(Value::Object(record).to_string())
}

/// Takes a Go-quoted string off the front.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            '"' => return Some((value, &text[place + 1..])),
            other => value.push(other),
        }
    }
    None
}

fn logrus(runtime: Runtime, minor: u32, zone: i64, line: &Line) -> String {
    let level = if line.level == 'E' { "error" } else { "info" };
    let local = iso(line.at, zone);
    let zone = if zone == 0 {
        "Z".to_owned()
    } else {
        offset(zone, ":")
    };
    let stamp = match runtime {
        Runtime::Crio(_) if minor <= 31 => format!(
            "{}.{:03}456789{zone}",
            local.replace('T', " "),
            line.at.rem_euclid(1000)
        ),
        _ => format!("{local}.{:03}456789{zone}", line.at.rem_euclid(1000)),
    };
    format!(
        "time=\"{stamp}\" level={level} msg={}{}",
        super::wording::q(&line.text),
        line.fields
    )
}

// ---- objects --------------------------------------------------------------------------------------------------------------

fn event_file(world: &World, style: &Style, happenings: &mut [Told]) -> Option<File> {
    if world.events.is_empty() {
        return None;
    }
    let mut events: Vec<&Event> = world.events.iter().collect();
    events.sort_by_key(|e| e.at);
    // The API counts what is said again in the same words.
    let mut folded: Vec<Vec<&Event>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let key = format!(
            "{} {} {} {} {} {} {:?}",
            event.kind,
            event.namespace,
            event.name,
            event.reason,
            event.message,
            event.component,
            event.host
        );
        match known.get(&key) {
            Some(index) => folded[*index].push(event),
            None => {
                known.insert(key, folded.len());
                folded.push(vec![event]);
            }
        }
    }
    let name = if style.event_lines {
        "events.jsonl"
    } else {
        "events.json"
    };
    let mut file = File {
        name: format!("{}{name}", style.folder),
        bytes: Vec::new(),
        marks: Vec::new(),
    };
    if !style.event_lines {
        file.bytes
            .extend(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[\n");
    }
    let count = folded.len();
    for (index, group) in folded.into_iter().enumerate() {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let item = event_object(world, first, last, group.len(), index);
        let start = file.bytes.len() as u64;
        file.bytes.extend(item.to_string().bytes());
        let end = file.bytes.len() as u64;
        if !style.event_lines && index + 1 < count {
            file.bytes.push(b',');
        }
        file.bytes.push(b'\n');
        for event in [first, last] {
            if let Some(id) = event.tells {
                happenings[id].told |= !event.hint;
            }
        }
        let mut tells: Vec<usize> = group.iter().filter_map(|e| e.tells).collect();
        tells.dedup();
        file.marks.push(Mark { start, end, tells });
    }
    if !style.event_lines {
        file.bytes.extend(b"]}\n");
    }
    Some(file)
}

fn event_object(world: &World, first: &Event, last: &Event, count: usize, index: usize) -> Value {
    let mut object = json!({"kind": first.kind, "namespace": first.namespace, "name": first.name});
    if first.kind == "Node" {
        object = json!({"kind": "Node", "name": first.name});
        if world.minor < 35 || first.component != "kubelet" {
            object["uid"] = json!(first.uid);
        }
    } else {
        object["uid"] = json!(first.uid);
        object["apiVersion"] = json!(if matches!(first.kind, "Pod") {
            "v1"
        } else {
            "apps/v1"
        });
    }
    if let Some(field) = &first.field {
        object["fieldPath"] = json!(field);
    }
    let mut source = json!({"component": first.component});
    if let Some(host) = &first.host {
        source["host"] = json!(host);
    }
    let (begin, end) = (
        format!("{}Z", iso(first.at, 0)),
        format!("{}Z", iso(last.at, 0)),
    );
    let mut event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{}.17d1{index:012x}", first.name), "namespace": first.namespace, "creationTimestamp": begin, "uid": format!("6a1b2c3d-0000-4000-8000-{index:012x}")},
        "involvedObject": object, "reason": first.reason, "message": first.message, "source": source,
        "firstTimestamp": begin, "lastTimestamp": end, "count": count, "type": if first.warning { "Warning" } else { "Normal" },
        "eventTime": null, "reportingComponent": if world.minor >= 26 { first.component } else { "" }, "reportingInstance": first.host.clone().filter(|_| world.minor >= 26).unwrap_or_default(),
    });
    if first.component == "default-scheduler" {
        // The scheduler writes the newer kind of Event, which has no first and last time of its own.
        event["eventTime"] = json!(format!(
            "{}.{:03}456Z",
            iso(first.at, 0),
            first.at.rem_euclid(1000)
        ));
        event["firstTimestamp"] = Value::Null;
        event["lastTimestamp"] = Value::Null;
        event["reportingComponent"] = json!("default-scheduler");
        event["action"] = json!(if first.reason == "Scheduled" {
            "Binding"
        } else {
            "Scheduling"
        });
        if count > 1 {
            event["series"] = json!({"count": count, "lastObservedTime": format!("{}.{:03}456Z", iso(last.at, 0), last.at.rem_euclid(1000))});
        }
        event.as_object_mut().map(|object| object.remove("count"));
    }
    event
}

fn node_file(world: &World, style: &Style) -> File {
    let items: Vec<Value> = world
        .nodes
        .iter()
        .map(|name| {
            json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "creationTimestamp": format!("{}Z", iso(world.start - 86_400_000 * 30, 0))},
                "spec": {},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                        "lastTransitionTime": format!("{}Z", iso(world.start - 86_400_000 * 30, 0)), "lastHeartbeatTime": format!("{}Z", iso(world.start - 600_000, 0))}],
                    "capacity": {"cpu": "8", "memory": "32780132Ki", "ephemeral-storage": format!("{}Ki", world.disk >> 10), "pods": "110"},
                    "allocatable": {"cpu": "7910m", "memory": "30100000Ki", "ephemeral-storage": (world.disk / 10 * 9).to_string(), "pods": "110"},
                    "nodeInfo": {"kubeletVersion": format!("v1.{}.4", world.minor), "containerRuntimeVersion": format!("{}://1.0.0", world.runtime.identifier()), "osImage": "Ubuntu 22.04.4 LTS"},
                },
            })
        })
        .collect();
    let text = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    File {
        name: format!("{}nodes.json", style.folder),
        bytes: text.into_bytes(),
        marks: Vec::new(),
    }
}
