//! Layouts: what the place of a file in a bundle says about it, where a collector's layout is known.
//!
//! Takes a source's path inside the incident; gives node, pod, container and component as far as the layout tells them, and which layout it is.
//! Does not look at content, and is only asked where content does not tell.

use regex::Regex;

use super::speaks_for::component_in;

/// What a place tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The layout's name.
    pub(super) layout: &'static str,
    pub(super) node: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) pod: Option<String>,
    pub(super) container: Option<String>,
    pub(super) component: Option<String>,
}

/// Layouts, the most particular first: whose it is, and where a file lies in it. `{name}` is a part of a folder's or file's name,
/// `{{rest}}` any number of folders.
///
/// # Source
/// Kubelet's log folders (pkg/kubelet/kuberuntime); OpenShift `oc adm inspect` and must-gather; the OpenShift insights archive; replicated
/// troubleshoot's cluster resources; `kind export logs`; sosreport's folder name; the kubelet names static pods `<pod>-<node>`.
const LAYOUTS: &[(&str, &str)] = &[
    (
        "pod log folder",
        "pods/{namespace}_{pod}_{uid}/{container}/{file}",
    ),
    (
        "container log folder",
        "containers/{pod}_{namespace}_{container}-{id}.log",
    ),
    (
        "must-gather",
        "namespaces/{namespace}/pods/{pod}/{container}/{folder}/logs/{file}",
    ),
    (
        "insights archive",
        "namespaces/{namespace}/pods/{pod}/containers/{container}/logs/{file}",
    ),
    (
        "insights archive",
        "config/pod/{namespace}/logs/{pod}/{container}_{file}.log",
    ),
    (
        "insights archive",
        "config/pod/{namespace}/logs/{pod}/{file}.log",
    ),
    ("insights archive", "config/node/logs/{node}.log"),
    (
        "support bundle",
        "cluster-resources/pods/logs/{namespace}/{pod}/{container}.log",
    ),
    (
        "must-gather",
        "host_service_logs/{role}/{component}_service.log",
    ),
    ("must-gather", "nodes/{node}/{file}_logs_{component}"),
    ("node folder", "nodes/{node}/{{rest}}{file}"),
    (
        "kind export logs",
        "{cluster}-control-plane/{component}.log",
    ),
    ("kind export logs", "{cluster}-worker/{component}.log"),
    ("kind export logs", "{cluster}-worker{n}/{component}.log"),
    (
        "sosreport",
        "sosreport-{node}-{case}-{year}-{month}-{day}-{random}/{{rest}}{file}",
    ),
    (
        "sosreport",
        "sosreport-{node}-{year}-{month}-{day}-{random}/{{rest}}{file}",
    ),
];

/// Reads places by the layouts.
pub(super) struct Layouts {
    shapes: Vec<(&'static str, Regex)>,
    /// Bundles that `kind export logs` wrote: it leaves its version beside the nodes' folders.
    kind_roots: Vec<String>,
}

impl Layouts {
    /// Compiles the layouts; some are known only by what else lies in the bundle.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Layouts {
        let shapes = LAYOUTS
            .iter()
            .filter_map(|(layout, shape)| Some((*layout, compile(shape)?)))
            .collect();
        let kind_roots = names
            .filter_map(|name| name.strip_suffix("kind-version.txt"))
            .map(str::to_owned)
            .collect();
        Layouts { shapes, kind_roots }
    }

    /// Reads one place.
    pub(super) fn read(&self, name: &str) -> Option<Place> {
        let in_kind = self
            .kind_roots
            .iter()
            .any(|root| name.starts_with(root.as_str()));
        let slashed = name.replace('!', "/");
        self.shapes
            .iter()
            .filter(|(layout, _)| *layout != "kind export logs" || in_kind)
            .find_map(|(layout, shape)| {
                let found = shape.captures(&slashed)?;
                let get = |part: &str| found.name(part).map(|m| m.as_str().to_owned());
                let mut place = Place {
                    layout,
                    node: get("node"),
                    cluster: get("cluster"),
                    namespace: get("namespace"),
                    pod: get("pod"),
                    container: get("container"),
                    component: get("component")
                        .and_then(|word| component_in(&word))
                        .map(|(_, component)| component.to_owned()),
                };
                if *layout == "kind export logs" {
                    let folder = slashed.rsplit('/').nth(1);
                    place.node = folder.map(str::to_owned);
                }
                static_pod(&mut place);
                Some(place).filter(Place::is_sound)
            })
    }
}

impl Place {
    /// Names that no object can have are no such layout, although the folders look like it.
    fn is_sound(&self) -> bool {
        let is_name = |name: &str| {
            name.len() <= 253
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.ends_with(|c: char| c.is_ascii_alphanumeric())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        };
        // A folder among nodes that is called for what it holds is no node.
        let is_node = |node: &String| {
            node.contains(['-', '.']) || node.contains(|c: char| c.is_ascii_digit())
        };
        let holds = |node: &String| component_in(node).is_some() || node.ends_with("logs");
        if self.layout == "node folder"
            && self.node.as_ref().is_none_or(|n| !is_node(n) || holds(n))
        {
            return false;
        }
        [&self.node, &self.namespace, &self.pod, &self.container]
            .into_iter()
            .flatten()
            .all(|name| is_name(name))
    }
}

/// A static pod of the control plane has its component as container and its node at the end of its name.
fn static_pod(place: &mut Place) {
    let Some(pod) = place.pod.clone() else {
        return;
    };
    let pod = pod.strip_prefix("openshift-").unwrap_or(&pod);
    let of_container = place
        .container
        .as_deref()
        .filter(|c| !matches!(*c, "messages" | "errors" | "current" | "previous"));
    let Some((word, component)) = of_container
        .and_then(component_in)
        .or_else(|| component_in(pod).filter(|(word, _)| pod.starts_with(word)))
    else {
        return;
    };
    place.component = Some(component.to_owned());
    let system = place
        .namespace
        .as_deref()
        .is_some_and(|n| n.starts_with("kube-") || n.starts_with("openshift-"));
    if let Some(node) = pod
        .strip_prefix(word)
        .and_then(|left| left.strip_prefix('-'))
        .filter(|_| {
            system
                && matches!(
                    component,
                    "kube-apiserver" | "kube-scheduler" | "kube-controller-manager" | "etcd"
                )
        })
        .filter(|left| !left.is_empty())
    {
        place.node = Some(node.to_owned());
    }
}

/// Makes a regular expression of a layout: it may stand in any folder, and takes the path to its end.
fn compile(shape: &str) -> Option<Regex> {
    let mut text = String::from("(?:^|/)");
    let mut left = shape;
    let mut named: Vec<&str> = Vec::new();
    while let Some((literal, more)) = left.split_once('{') {
        text.push_str(&regex::escape(literal));
        if let Some(more) = more.strip_prefix('{') {
            let (_, more) = more.split_once("}}")?;
            text.push_str("(?:[^/]+/)*?");
            left = more;
            continue;
        }
        let (name, more) = more.split_once('}')?;
        let what = match name {
            "uid" => "[0-9a-f-]{32,36}",
            "id" => "[0-9a-f]{12,64}",
            "n" | "case" => "[0-9]+",
            "year" => "20[0-9]{2}",
            "month" | "day" => "[0-9]{2}",
            "random" => "[a-z]{6,8}",
            "pod" | "namespace" => "[^/_]+",
            "file" => "[^/]+",
            _ => "[^/]+?",
        };
        if named.contains(&name) {
            return None;
        }
        named.push(name);
        text.push_str(&format!("(?P<{name}>{what})"));
        left = more;
    }
    text.push_str(&regex::escape(left));
    // Logs are rotated and packed: what follows the name does not change what it is.
    text.push_str("(?:[.-][0-9]+)*(?:\\.(?:gz|xz|zst|bz2|lz4|txt|log|json))*$");
    Regex::new(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let layouts = Layouts::new(["out/kind-version.txt"].into_iter());
        let found = layouts.read(name).map_or_else(String::new, |p| {
            let mut said = vec![p.layout.to_owned()];
            for (what, value) in [
                ("node", p.node),
                ("cluster", p.cluster),
                ("namespace", p.namespace),
                ("pod", p.pod),
                ("container", p.container),
                ("component", p.component),
            ] {
                said.extend(value.map(|v| format!("{what}={v}")));
            }
            said.join(" ")
        });
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn places_tell_what_their_layout_says() {
        check(
            "var/log/pods/kube-system_kube-apiserver-node-a1_0123456789abcdef0123456789abcdef/kube-apiserver/2.log.20240522-031544.gz",
            "pod log folder node=node-a1 namespace=kube-system pod=kube-apiserver-node-a1 container=kube-apiserver component=kube-apiserver",
        );
        check(
            "x.tar.gz!var/log/containers/cart-5d8f7c9b4-abcde_shop_web-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.log",
            "container log folder namespace=shop pod=cart-5d8f7c9b4-abcde container=web",
        );
        check(
            "must-gather.local.1/quay-io/namespaces/openshift-etcd/pods/etcd-master-0.lab/etcd/etcd/logs/current.log",
            "must-gather node=master-0.lab namespace=openshift-etcd pod=etcd-master-0.lab container=etcd component=etcd",
        );
        check(
            "config/pod/openshift-kube-scheduler/logs/openshift-kube-scheduler-ip-10-0-1-2.internal/messages.log",
            "insights archive node=ip-10-0-1-2.internal namespace=openshift-kube-scheduler pod=openshift-kube-scheduler-ip-10-0-1-2.internal component=kube-scheduler",
        );
        check(
            "config/node/logs/ip-10-0-1-2.internal.log",
            "insights archive node=ip-10-0-1-2.internal",
        );
        check(
            "bundle/cluster-resources/pods/logs/shop/cart-1/web.log",
            "support bundle namespace=shop pod=cart-1 container=web",
        );
        check(
            "host_service_logs/masters/kubelet_service.log",
            "must-gather component=kubelet",
        );
        check(
            "out/prod-control-plane/kubelet.log",
            "kind export logs node=prod-control-plane cluster=prod component=kubelet",
        );
        check(
            "out/prod-worker2/journal.log",
            "kind export logs node=prod-worker2 cluster=prod",
        );
        check(
            "sosreport-node-a1-03512345-2024-05-22-abcdefg/sos_commands/logs/journalctl_--no-pager",
            "sosreport node=node-a1",
        );
        check(
            "nodes/node-a1/node-a1_logs_kubelet.gz",
            "must-gather node=node-a1 component=kubelet",
        );
    }

    #[test]
    fn other_places_tell_nothing() {
        check("elsewhere/prod-control-plane/kubelet.log", "");
        check("pods/message-oomkill-pod.json", "");
        check("cluster-scoped-resources/core/nodes/node-a1.yaml", "");
        check("kubelet.log", "");
        check("nodes/Old Stuff/kubelet.log", "");
        check("nodes/kubelet-logs/kubelet.log", "");
        check("nodes/all/kubelet.log", "");
    }
}
