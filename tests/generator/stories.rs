//! The true stories: one function for each mechanism, timed as the catalogue's physics allows.

use super::Story;
use super::wording;
use super::world::{Owner, Pod, World, Writer};

/// Every mechanism that can be known from files.
pub(crate) const MECHANISMS: &[&str] = &[
    "image_pull_filled_disk",
    "workload_filled_disk",
    "disk_full_unknown_writer",
    "inodes_exhausted",
    "eviction_threshold_misconfigured",
    "image_not_found",
    "registry_auth_failed",
    "registry_unreachable",
    "registry_rate_limited",
    "registry_tls_failed",
    "node_lost",
    "runtime_failed",
    "memory_exhausted",
    "crash_loop",
    "unschedulable",
];

/// Lets one story happen.
pub(crate) fn tell(world: &mut World, mechanism: &'static str) -> Story {
    let mut story = Story {
        mechanism,
        ..Story::default()
    };
    match mechanism {
        "image_pull_filled_disk" => pull_filled(world, &mut story),
        "workload_filled_disk" => written_full(world, &mut story),
        "disk_full_unknown_writer" => full_of_something(world, &mut story),
        "inodes_exhausted" => no_inodes(world, &mut story),
        "eviction_threshold_misconfigured" => threshold_too_high(world, &mut story),
        "image_not_found" => never_pulled(world, &mut story, "not_found"),
        "registry_auth_failed" => never_pulled(world, &mut story, "auth"),
        "registry_rate_limited" => never_pulled(world, &mut story, "rate_limit"),
        "registry_tls_failed" => never_pulled(world, &mut story, "tls"),
        "registry_unreachable" => {
            let cause = if world.rng.bool() {
                "connection"
            } else {
                "timeout"
            };
            never_pulled(world, &mut story, cause);
        }
        "node_lost" => node_lost(world, &mut story),
        "runtime_failed" => runtime_failed(world, &mut story),
        "memory_exhausted" => memory_exhausted(world, &mut story),
        "crash_loop" => crash_loop(world, &mut story),
        _ => unschedulable(world, &mut story),
    }
    story
}

/// A release: pushed and deployed. Returns when the deploy was, and its happening.
fn release(w: &mut World, owner: &Owner, image: &str) -> (i64, usize) {
    let push_at = w.start - w.secs(40.0, 900.0);
    let digest = w.digest();
    let push = w.pushed(push_at, image, &digest);
    let at = w.start;
    (at, w.deploy(at, owner, image, &[push]))
}

/// Threshold and pressure; returns both.
fn short_of_disk(
    w: &mut World,
    at: i64,
    node: usize,
    resource: &str,
    causes: &[usize],
) -> (usize, usize, i64) {
    let threshold = w.threshold_met(at, node, resource, causes);
    let pressure_at = at + w.secs(0.05, 7.0);
    let mut both = causes.to_vec();
    both.push(threshold);
    let pressure = w.pressure(
        pressure_at,
        node,
        "disk_pressure_on",
        "NodeHasDiskPressure",
        &both,
    );
    for round in 1..w.rng.i64(1..5) {
        // The loop says so again while it lasts.
        let text = wording::attempting_to_reclaim(w.minor, resource);
        w.hint(
            Writer::Kubelet(node),
            at + round * 10_000 + 31,
            'I',
            text,
            Some(threshold),
        );
    }
    (threshold, pressure, pressure_at)
}

fn relief(w: &mut World, at: i64, node: usize) {
    w.pressure(at, node, "disk_pressure_off", "NodeHasNoDiskPressure", &[]);
}

fn percent(w: &World, share: u64) -> String {
    (w.disk / 100 * share).to_string()
}

fn little(w: &mut World) -> String {
    format!("{}Ki", w.rng.u64(40_000..900_000))
}

/// A pod that was placed just before the disk became short: its pull begins when it is already full, and fails for want of space.
fn victim(w: &mut World, story: &mut Story, pressed: i64, node: usize, pressure: usize) {
    let from = w.happenings.len();
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let made_at = pressed - w.secs(0.3, 2.0);
    let made = w.pod_created(made_at, &pod, &[]);
    let placed = w.scheduled(made_at + 120, &pod, node, &[made]);
    let pull_at = pressed + w.secs(2.5, 9.0);
    let pull = w.pulling(pull_at, &pod, node, &[placed]);
    let digest = w.digest();
    let mut rng = w.rng.fork();
    let error = wording::pull_error(w.runtime, "no_space", &image, &digest, &mut rng);
    let failed_at = pull_at + w.secs(2.0, 20.0);
    w.pull_failed(failed_at, &pod, node, &error, &[pull, pressure]);
    story.background.extend(from..w.happenings.len());
    story.clear.push(pull);
}

/// A pod nobody has to blame: a few kilobytes of logs.
fn bystander(w: &mut World) -> (Pod, Vec<(String, String, String)>) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let used = format!("{}Ki", w.rng.u32(8..4000));
    let uses = vec![(pod.container.clone(), used, "0".to_owned())];
    (pod, uses)
}

fn pull_filled(w: &mut World, story: &mut Story) {
    let shape = w.rng.u8(0..4);
    let (kind, hops) = match shape {
        0 | 1 => ("Deployment", w.rng.usize(2..5)),
        2 => (
            ["DaemonSet", "Deployment"][w.rng.usize(0..2)],
            w.rng.usize(2..5),
        ),
        _ => (["Deployment", "StatefulSet", "Job"][w.rng.usize(0..3)], 1),
    };
    let owner = w.owner(kind);
    let image = w.image_of(&owner);
    story.culprit.push(("image", image.clone()));
    let nodes = w.take_nodes(hops);
    story.spread = Some(if nodes.len() == 1 {
        "single"
    } else if shape < 2 {
        "domino"
    } else {
        "common_cause"
    });
    let (mut at, deploy) = release(w, &owner, &image);
    let mut cause = deploy;
    let mut last = at;
    for (hop, node) in nodes.iter().copied().enumerate() {
        story.nodes.push(w.nodes[node].clone());
        let pod = w.pod(&owner, &image, hop);
        let created = at + w.secs(0.05, 0.9);
        let made = w.pod_created(created, &pod, &[cause]);
        let placed_at = created + w.secs(0.01, 0.5);
        let placed = w.scheduled(placed_at, &pod, node, &[made]);
        let pull_at = placed_at + w.secs(0.3, 4.0);
        let pull = w.pulling(pull_at, &pod, node, &[placed]);
        let digest = w.digest();
        let mut rng = w.rng.fork();
        let error = wording::pull_error(w.runtime, "no_space", &image, &digest, &mut rng);
        let fail_at = pull_at + w.secs(14.0, 95.0);
        let failed = w.pull_failed(fail_at, &pod, node, &error, &[pull]);
        let threshold_at = fail_at + w.secs(-11.0, 8.0);
        let (threshold, pressure, pressure_at) =
            short_of_disk(w, threshold_at, node, "ephemeral-storage", &[pull, failed]);
        story
            .essential
            .push(vec![vec![failed], vec![threshold, pressure]]);
        let out = fail_at.max(pressure_at) + w.secs(0.5, 20.0);
        let figures = (percent(w, 15), little(w));
        let figures = (figures.0.as_str(), figures.1.as_str());
        last = last.max(out);
        if shape < 2 {
            cause = w.evicted(
                out,
                &pod,
                node,
                "ephemeral-storage",
                figures,
                &[],
                &[threshold, pressure],
            );
            at = out;
        } else if w.rng.bool() {
            let (other, uses) = bystander(w);
            w.evicted(
                out,
                &other,
                node,
                "ephemeral-storage",
                figures,
                &uses,
                &[threshold, pressure],
            );
        } else {
            // The pod stays, and tries again after a pause.
            let off = fail_at + w.secs(0.5, 12.0);
            w.pull_backoff(off, &pod, node, &[failed]);
            let again_at = fail_at + w.secs(10.0, 25.0);
            let again = w.pulling(again_at, &pod, node, &[failed]);
            let second = again_at + w.secs(8.0, 40.0);
            w.pull_failed(second, &pod, node, &error, &[again]);
            last = last.max(second);
        }
        let relief_at = out + w.secs(305.0, 420.0);
        if w.rng.u8(0..10) < 7 {
            relief(w, relief_at, node);
        }
    }
    if w.rng.bool() {
        w.rolled_back(last + 45_000, &owner, &[]);
    }
}

fn written_full(w: &mut World, story: &mut Story) {
    let kind = ["Deployment", "StatefulSet", "DaemonSet"][w.rng.usize(0..3)];
    let owner = w.owner(kind);
    let image = w.image_of(&owner);
    let hops = if kind == "Deployment" {
        w.rng.usize(1..4)
    } else {
        1
    };
    let nodes = w.take_nodes(hops);
    story
        .culprit
        .push(("workload", format!("{}/{}", owner.namespace, owner.name)));
    let mut at = w.start;
    let mut made_by: Vec<usize> = Vec::new();
    for (hop, node) in nodes.iter().copied().enumerate() {
        story.nodes.push(w.nodes[node].clone());
        let pod = w.pod(&owner, &image, hop);
        let from = w.happenings.len();
        let up = if hop == 0 && w.rng.bool() {
            at
        } else {
            w.healthy_start(at, &pod, node, &made_by)
        };
        if hop == 0 {
            story.background.extend(from..w.happenings.len());
        }
        let threshold_at = up + w.secs(90.0, 700.0);
        let (threshold, pressure, pressure_at) =
            short_of_disk(w, threshold_at, node, "ephemeral-storage", &[]);
        let used = w.disk / 100 * w.rng.u64(40..85);
        let used = match w.rng.u8(0..3) {
            0 => format!("{}Mi", used >> 20),
            1 => format!("{}Ki", used >> 10),
            _ => used.to_string(),
        };
        let share = w.rng.u64(10..16);
        let figures = (percent(w, share), little(w));
        let mut uses = vec![(pod.container.clone(), used, "0".to_owned())];
        if w.rng.u8(0..3) == 0 {
            // A side car comes first in the message and used nothing to speak of.
            uses.insert(
                0,
                (
                    "istio-proxy".to_owned(),
                    format!("{}Ki", w.rng.u32(12..300)),
                    "0".to_owned(),
                ),
            );
        }
        if w.rng.u8(0..4) == 0 {
            victim(w, story, pressure_at, node, pressure);
        }
        let out = pressure_at + w.secs(0.5, 20.0);
        let gone = w.evicted(
            out,
            &pod,
            node,
            "ephemeral-storage",
            (&figures.0, &figures.1),
            &uses,
            &[threshold, pressure],
        );
        if w.rng.u8(0..3) == 0 {
            let (other, uses) = bystander(w);
            let later = out + w.secs(12.0, 40.0);
            w.evicted(
                later,
                &other,
                node,
                "ephemeral-storage",
                (&figures.0, &figures.1),
                &uses,
                &[threshold, pressure],
            );
        }
        story
            .essential
            .push(vec![vec![gone], vec![gone, threshold, pressure]]);
        story.instead.push("disk_full_unknown_writer");
        made_by = vec![gone];
        at = out + w.secs(0.02, 0.9);
        let relief_at = out + w.secs(305.0, 420.0);
        relief(w, relief_at, node);
    }
}

fn full_of_something(w: &mut World, story: &mut Story) {
    let nodes = w.take_nodes(1);
    let node = nodes[0];
    story.nodes.push(w.nodes[node].clone());
    story.culprit.push(("node", w.nodes[node].clone()));
    let at = w.start;
    let (threshold, pressure, pressure_at) = short_of_disk(w, at, node, "ephemeral-storage", &[]);
    story.essential.push(vec![vec![threshold, pressure]]);
    if w.rng.u8(0..4) == 0 {
        victim(w, story, pressure_at, node, pressure);
    }
    let figures = (percent(w, 10), little(w));
    let mut out = pressure_at;
    for _ in 0..w.rng.usize(1..4) {
        out += w.secs(0.5, 25.0);
        let (pod, uses) = bystander(w);
        let gone = w.evicted(
            out,
            &pod,
            node,
            "ephemeral-storage",
            (&figures.0, &figures.1),
            &uses,
            &[threshold, pressure],
        );
        if w.rng.bool() {
            let next = w.pod(&pod.owner, &pod.image, 0);
            let made = w.pod_created(out + 200, &next, &[gone]);
            if w.rng.bool() {
                // The scheduler does not know yet: the pod is sent back at the door.
                let placed = w.scheduled(out + 260, &next, node, &[made]);
                w.rejected(out + 900, &next, node, "DiskPressure", &[pressure, placed]);
            } else {
                let elsewhere = (node + 1) % w.nodes.len();
                let placed = w.scheduled(out + 260, &next, elsewhere, &[made]);
                let pull = w.pulling(out + 1_500, &next, elsewhere, &[placed]);
                w.pulled(out + 9_000, 7_000, &next, elsewhere, &[pull]);
            }
        }
    }
}

fn no_inodes(w: &mut World, story: &mut Story) {
    let node = w.take_nodes(1)[0];
    story.nodes.push(w.nodes[node].clone());
    story.culprit.push(("node", w.nodes[node].clone()));
    let at = w.start;
    let (threshold, pressure, pressure_at) = short_of_disk(w, at, node, "inodes", &[]);
    let mut told = vec![threshold];
    let mut out = pressure_at;
    for _ in 0..w.rng.usize(1..3) {
        out += w.secs(0.5, 25.0);
        let (pod, _) = bystander(w);
        let uses = if w.minor >= 26 {
            vec![(
                pod.container.clone(),
                w.rng.u32(9..90_000).to_string(),
                "0".to_owned(),
            )]
        } else {
            Vec::new()
        };
        told.push(w.evicted(
            out,
            &pod,
            node,
            "inodes",
            ("163840", "90112"),
            &uses,
            &[threshold, pressure],
        ));
    }
    story.essential.push(vec![told]);
    story.instead.push("disk_full_unknown_writer");
}

fn threshold_too_high(w: &mut World, story: &mut Story) {
    // Older kubelets do not print the threshold.
    w.minor = w.minor.max(26);
    w.needs_nodes = true;
    let count = w.rng.usize(1..4);
    let nodes = w.take_nodes(count);
    let share = w.rng.u64(35..70);
    let mut any = Vec::new();
    let mut at = w.start;
    for node in nodes {
        story.nodes.push(w.nodes[node].clone());
        let (threshold, pressure, pressure_at) =
            short_of_disk(w, at, node, "ephemeral-storage", &[]);
        let figures = (percent(w, share), (w.disk / 100 * (share - 1)).to_string());
        let out = pressure_at + w.secs(0.5, 20.0);
        let (pod, uses) = bystander(w);
        any.push(vec![vec![w.evicted(
            out,
            &pod,
            node,
            "ephemeral-storage",
            (&figures.0, &figures.1),
            &uses,
            &[threshold, pressure],
        )]]);
        at += w.secs(200.0, 900.0);
    }
    story.culprit.push(("node", story.nodes.join(" ")));
    story.essential = any;
    story.instead.push("disk_full_unknown_writer");
}

fn never_pulled(w: &mut World, story: &mut Story, cause: &'static str) {
    let workloads = if matches!(cause, "not_found" | "auth") {
        1
    } else {
        w.rng.usize(1..3)
    };
    for _ in 0..workloads {
        let kind = ["Deployment", "Deployment", "StatefulSet", "DaemonSet"][w.rng.usize(0..4)];
        let owner = w.owner(kind);
        let image = w.image_of(&owner);
        story.culprit.push(("image", image.clone()));
        let at = w.start + w.secs(0.0, 20.0);
        let deploy = w.deploy(at, &owner, &image, &[]);
        let pods = w.rng.usize(1..3);
        let nodes = w.take_nodes(pods);
        for (ordinal, node) in nodes.into_iter().enumerate() {
            story.nodes.push(w.nodes[node].clone());
            let pod = w.pod(&owner, &image, ordinal);
            let created = at + w.secs(0.05, 2.0);
            let made = w.pod_created(created, &pod, &[deploy]);
            let placed_at = created + w.secs(0.01, 0.5);
            let placed = w.scheduled(placed_at, &pod, node, &[made]);
            let mut pull_at = placed_at + w.secs(0.3, 4.0);
            let digest = w.digest();
            let mut rng = w.rng.fork();
            let error = wording::pull_error(w.runtime, cause, &image, &digest, &mut rng);
            let mut told = Vec::new();
            let mut before = placed;
            for pause in [10.0, 20.0, 40.0, 80.0, 160.0, 300.0]
                .into_iter()
                .take(w.rng.usize(3..7))
            {
                let pull = w.pulling(pull_at, &pod, node, &[before]);
                let took = if cause == "timeout" {
                    w.secs(15.0, 31.0)
                } else {
                    w.secs(0.2, 2.5)
                };
                let failed = w.pull_failed(pull_at + took, &pod, node, &error, &[pull]);
                told.push(failed);
                before = failed;
                let off = pull_at + took + w.secs(0.5, 9.0);
                w.pull_backoff(off, &pod, node, &[failed]);
                pull_at += took + w.secs(pause, pause + 14.0);
            }
            story.essential.push(vec![told]);
        }
        if w.rng.bool() {
            w.rolled_back(w.start + 700_000, &owner, &[]);
        }
    }
}

fn node_lost(w: &mut World, story: &mut Story) {
    let node = w.take_nodes(1)[0];
    story.nodes.push(w.nodes[node].clone());
    story.culprit.push(("node", w.nodes[node].clone()));
    let mut pods = Vec::new();
    for _ in 0..w.rng.usize(1..4) {
        let owner = w.owner("Deployment");
        let image = w.image_of(&owner);
        let pod = w.pod(&owner, &image, 0);
        let at = w.start - w.secs(400.0, 1900.0);
        let from = w.happenings.len();
        w.healthy_start(at, &pod, node, &[]);
        story.background.extend(from..w.happenings.len());
        pods.push(pod);
    }
    let (stale, lost) = w.node_silent(w.start, node, &[]);
    story.essential.push(vec![vec![stale, lost]]);
    let lost_at = w.happenings[lost].at;
    for pod in &pods {
        w.pod_event(
            lost_at + 90,
            "NodeNotReady",
            true,
            pod,
            false,
            "Node is not ready".to_owned(),
            "node-controller",
            None,
            None,
        );
    }
    if w.rng.u8(0..4) > 0 {
        let out = lost_at + w.secs(300.0, 306.0);
        for pod in &pods {
            let gone = w.taint_eviction(out, pod, node, &[lost]);
            let next = w.pod(&pod.owner, &pod.image, 0);
            let elsewhere = (node + 1 + w.rng.usize(0..w.nodes.len() - 1)) % w.nodes.len();
            let made_at = out + w.secs(0.02, 0.8);
            w.healthy_start(made_at, &next, elsewhere, &[gone]);
        }
    } else {
        let back = lost_at + w.secs(60.0, 280.0);
        if let Some(gap) = w.silent.last_mut() {
            gap.2 = back - 3_000;
        }
        w.node_back(back, node);
    }
}

fn runtime_failed(w: &mut World, story: &mut Story) {
    let node = w.take_nodes(1)[0];
    story.nodes.push(w.nodes[node].clone());
    story.culprit.push(("node", w.nodes[node].clone()));
    let stopped = w.start;
    let (minor, name) = (w.minor, w.nodes[node].clone());
    if w.rng.u8(0..3) == 0 {
        // The runtime still answers when it is asked for its version, but listing containers hangs.
        let pleg_at = stopped + w.secs(181.0, 186.0);
        let pleg = w.happen("pleg_unhealthy", pleg_at, Some(node), None, &[]);
        for step in 0..6 {
            let why = format!(
                "PLEG is not healthy: pleg was last seen active 3m{}.2s ago; threshold is 3m0s",
                1 + step * 5
            );
            w.line(
                Writer::Kubelet(node),
                pleg_at + step * 5_000,
                'E',
                wording::skipping_sync(minor, &why),
                Some(pleg),
            );
        }
        let ready_at = pleg_at + w.secs(0.2, 10.0);
        let lost = w.happen("node_not_ready", ready_at, Some(node), None, &[pleg]);
        w.line(
            Writer::Kubelet(node),
            ready_at,
            'I',
            wording::recording_event(minor, &name, "NodeNotReady"),
            Some(lost),
        );
        w.node_event(
            ready_at + 1,
            "NodeNotReady",
            false,
            node,
            format!("Node {name} status is now: NodeNotReady"),
            "kubelet",
            Some(lost),
        );
        story.essential.push(vec![vec![pleg], vec![lost]]);
        let back = ready_at + w.secs(35.0, 120.0);
        w.node_back(back, node);
        return;
    }
    let socket = match w.runtime {
        wording::Runtime::Containerd(_) => "/run/containerd/containerd.sock",
        wording::Runtime::Crio(_) => "/var/run/crio/crio.sock",
        wording::Runtime::Docker(_) => "/var/run/cri-dockerd.sock",
    };
    let refused = format!(
        "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing dial unix {socket}: connect: connection refused\""
    );
    let first = stopped + w.secs(0.5, 5.0);
    let down_at = stopped + w.secs(30.0, 36.0);
    let down = w.happen("runtime_down", first, Some(node), None, &[]);
    for step in 0..8 {
        let (minor, at) = (w.minor, first + step * 5_001);
        w.hint(
            Writer::Kubelet(node),
            at,
            'E',
            wording::sanity_check(minor, &refused),
            Some(down),
        );
        if step % 2 == 0 {
            w.hint(
                Writer::Kubelet(node),
                at + 120,
                'E',
                wording::relist_failed(minor, &refused),
                Some(down),
            );
        }
    }
    for step in 0..6 {
        w.line(
            Writer::Kubelet(node),
            down_at + step * 5_000,
            'E',
            wording::skipping_sync(minor, "container runtime is down"),
            Some(down),
        );
    }
    let ready_at = down_at + w.secs(0.2, 10.0);
    let lost = w.happen("node_not_ready", ready_at, Some(node), None, &[down]);
    w.line(
        Writer::Kubelet(node),
        ready_at,
        'I',
        wording::recording_event(minor, &name, "NodeNotReady"),
        Some(lost),
    );
    w.node_event(
        ready_at + 1,
        "NodeNotReady",
        false,
        node,
        format!("Node {name} status is now: NodeNotReady"),
        "kubelet",
        Some(lost),
    );
    story.essential.push(vec![vec![down], vec![lost]]);
    let mut end = down_at + 60_000;
    if w.rng.bool() {
        let pleg_at = stopped + w.secs(181.0, 186.0);
        for step in 0..4 {
            let why = format!(
                "[container runtime is down, PLEG is not healthy: pleg was last seen active 3m{}.2s ago; threshold is 3m0s]",
                1 + step * 5
            );
            w.hint(
                Writer::Kubelet(node),
                pleg_at + step * 5_000,
                'E',
                wording::skipping_sync(minor, &why),
                Some(down),
            );
        }
        end = pleg_at + 30_000;
    }
    let back = end + w.secs(5.0, 120.0);
    w.node_back(back, node);
}

fn memory_exhausted(w: &mut World, story: &mut Story) {
    let node = w.take_nodes(1)[0];
    story.nodes.push(w.nodes[node].clone());
    story.culprit.push(("node", w.nodes[node].clone()));
    let at = w.start;
    let threshold = w.threshold_met(at, node, "memory", &[]);
    let pressure_at = at + w.secs(0.05, 7.0);
    let pressure = w.pressure(
        pressure_at,
        node,
        "memory_pressure_on",
        "NodeHasInsufficientMemory",
        &[threshold],
    );
    let mut out = pressure_at;
    for _ in 0..w.rng.usize(1..3) {
        out += w.secs(0.5, 20.0);
        let (pod, _) = bystander(w);
        let uses = vec![(
            pod.container.clone(),
            format!("{}Mi", w.rng.u32(900..14_000)),
            "256Mi".to_owned(),
        )];
        w.evicted(
            out,
            &pod,
            node,
            "memory",
            ("100Mi", "80212Ki"),
            &uses,
            &[threshold, pressure],
        );
    }
    story.essential.push(vec![vec![pressure, threshold]]);
    let over = out + w.secs(305.0, 400.0);
    w.pressure(
        over,
        node,
        "memory_pressure_off",
        "NodeHasSufficientMemory",
        &[],
    );
}

fn crash_loop(w: &mut World, story: &mut Story) {
    let kind = ["Deployment", "StatefulSet"][w.rng.usize(0..2)];
    let owner = w.owner(kind);
    let image = w.image_of(&owner);
    story
        .culprit
        .push(("workload", format!("{}/{}", owner.namespace, owner.name)));
    let node = w.take_nodes(1)[0];
    story.nodes.push(w.nodes[node].clone());
    let (at, deploy) = release(w, &owner, &image);
    let pod = w.pod(&owner, &image, 0);
    let from = w.happenings.len();
    let mut up = w.healthy_start(at + 700, &pod, node, &[deploy]);
    // That it started is no part of what went wrong.
    story.background.extend(from..w.happenings.len());
    let mut told = Vec::new();
    for pause in [10.0, 20.0, 40.0, 80.0, 160.0]
        .into_iter()
        .take(w.rng.usize(3..6))
    {
        let crashed = up + w.secs(0.5, 6.0);
        let looped = w.happen(
            "crash_loop",
            crashed + 900,
            Some(node),
            Some(&pod),
            &[deploy],
        );
        let text = wording::crash_back_off(w.minor, &pod);
        w.pod_event(
            crashed + 900,
            "BackOff",
            true,
            &pod,
            true,
            text,
            "kubelet",
            Some(node),
            Some(looped),
        );
        let inner = format!(
            "failed to \"StartContainer\" for \"{0}\" with CrashLoopBackOff: \"back-off {1}s restarting failed container={0} pod={2}_{3}({4})\"",
            pod.container, pause as u32, pod.name, pod.namespace, pod.uid
        );
        let text = wording::error_syncing(w.minor, &pod, &inner);
        w.line(
            Writer::Kubelet(node),
            crashed + 905,
            'E',
            text,
            Some(looped),
        );
        told.push(looped);
        up = crashed + w.secs(pause, pause + 8.0);
        w.pod_event(
            up - 300,
            "Pulled",
            false,
            &pod,
            true,
            format!("Container image \"{image}\" already present on machine"),
            "kubelet",
            Some(node),
            None,
        );
        let (created, started) = (
            wording::created(w.minor, &pod.container),
            wording::started(w.minor, &pod.container),
        );
        w.pod_event(
            up - 200,
            "Created",
            false,
            &pod,
            true,
            created,
            "kubelet",
            Some(node),
            None,
        );
        w.pod_event(
            up,
            "Started",
            false,
            &pod,
            true,
            started,
            "kubelet",
            Some(node),
            None,
        );
    }
    story.essential.push(vec![told]);
}

fn unschedulable(w: &mut World, story: &mut Story) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    story
        .culprit
        .push(("workload", format!("{}/{}", owner.namespace, owner.name)));
    let (at, deploy) = release(w, &owner, &image);
    let pod = w.pod(&owner, &image, 0);
    let created = at + w.secs(0.1, 1.0);
    let made = w.pod_created(created, &pod, &[deploy]);
    let why = [
        "Insufficient cpu",
        "Insufficient memory",
        "node(s) didn't match Pod's node affinity/selector",
        "Insufficient nvidia.com/gpu",
    ][w.rng.usize(0..4)];
    let mut told = Vec::new();
    let mut next = created + w.secs(0.01, 0.3);
    for _ in 0..w.rng.usize(3..6) {
        told.push(w.failed_scheduling(next, &pod, why, &[made]));
        next += w.secs(280.0, 310.0);
    }
    story.essential.push(vec![told]);
}
