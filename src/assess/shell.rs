//! What a `RUN` does, as far as its words tell: packages that stay installed, and package managers' files that stay behind.
//!
//! Takes the text of one step, as written or as a history prints it; splits it into commands and words. Expands nothing: a command whose words are
//! variables tells nothing, and then nothing is claimed.

/// Packages that are needed to build and not to run.
const BUILD_TOOLS: &[&str] = &[
    "build-essential",
    "g++",
    "gcc",
    "make",
    "cmake",
    "python3-dev",
    "python-dev",
    "clang",
    "libc6-dev",
    "musl-dev",
    "build-base",
    "linux-headers",
    "golang",
    "cargo",
    "rustc",
    "openjdk-17-jdk",
    "openjdk-21-jdk",
    "default-jdk",
    "maven",
    "autoconf",
    "automake",
];

/// Managers of a distribution's packages.
const DISTRIBUTION: &[&str] = &["apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper"];

/// The commands of a line for a shell, each as its words.
fn commands(text: &str) -> Vec<Vec<&str>> {
    text.split(['\n', ';', '|', '&', '(', ')'])
        .map(|command| {
            command
                .split_whitespace()
                .map(|word| word.trim_matches(['"', '\'']))
                // Assignments and `sudo` stand before the command they are for.
                .skip_while(|word| {
                    matches!(*word, "sudo" | "then" | "do" | "!" | "exec" | "time" | "\\")
                        || word.split_once('=').is_some_and(|(name, _)| {
                            !name.is_empty()
                                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                        })
                })
                .filter(|word| !word.is_empty() && *word != "\\")
                .collect::<Vec<&str>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
}

/// A command's program, without its directory; of `python -m pip`, the module.
fn program<'a>(words: &[&'a str]) -> (&'a str, usize) {
    let name = |word: &'a str| word.rsplit('/').next().unwrap_or(word);
    match words {
        [python, "-m", module, ..] if name(python).starts_with("python") => (module, 3),
        [first, ..] => (name(first), 1),
        [] => ("", 0),
    }
}

/// What a package manager was told: its subcommand and the words behind it that are no options. Of options with a value, the value is left out.
fn told<'a>(words: &[&'a str]) -> (&'a str, Vec<&'a str>) {
    const WITH_VALUE: &[&str] = &[
        "-t",
        "--virtual",
        "--target-release",
        "-o",
        "-c",
        "--repository",
        "-X",
    ];
    let mut plain: Vec<&str> = Vec::new();
    let mut skip = false;
    for word in words {
        if std::mem::take(&mut skip) {
            continue;
        }
        if word.starts_with('-') {
            skip = WITH_VALUE.contains(word);
        } else {
            plain.push(word);
        }
    }
    match plain.split_first() {
        Some((first, rest)) => (first, rest.to_vec()),
        None => ("", plain),
    }
}

/// Returns the tools for building that a step installs and does not take away again.
pub(super) fn build_tools_left(text: &str) -> Vec<&'static str> {
    let mut left: Vec<(&'static str, Option<&str>)> = Vec::new();
    for words in commands(text) {
        let (manager, from) = program(&words);
        if !DISTRIBUTION.contains(&manager) {
            continue;
        }
        let (subcommand, names) = told(&words[from..]);
        match subcommand {
            "install" | "add" | "in" => {
                let group = words
                    .iter()
                    .position(|w| matches!(*w, "--virtual" | "-t"))
                    .and_then(|at| words.get(at + 1).copied())
                    .filter(|_| manager == "apk");
                let tools = BUILD_TOOLS.iter().copied().filter(|tool| {
                    names
                        .iter()
                        .any(|n| n.split(['=', '~', '>', '<']).next() == Some(tool))
                });
                left.extend(tools.map(|tool| (tool, group)));
            }
            "remove" | "purge" | "autoremove" | "del" | "erase" | "rm" => {
                if names.iter().any(|n| n.contains('$')) {
                    return Vec::new();
                }
                left.retain(|(tool, group)| {
                    !names.contains(tool) && group.is_none_or(|group| !names.contains(&group))
                });
            }
            _ => {}
        }
    }
    let mut tools: Vec<&'static str> = left.into_iter().map(|(tool, _)| tool).collect();
    // In the order of the list, whatever the order of the line.
    tools.sort_by_key(|tool| BUILD_TOOLS.iter().position(|t| t == tool));
    tools.dedup();
    tools
}

/// Returns where package managers leave files that a step does not clean up. `set` tells whether the image has a variable.
///
/// # Source
/// apt-get(8), apk(8), dnf(8), pip, npm and yarn documentation.
pub(super) fn caches_left(text: &str, set: impl Fn(&str) -> bool) -> Vec<&'static str> {
    if text.contains("--mount=type=cache") {
        return Vec::new();
    }
    let mut left: Vec<&'static str> = Vec::new();
    for words in commands(text) {
        let (program, from) = program(&words);
        let (subcommand, _) = told(&words[from..]);
        let has = |option: &str| words.contains(&option);
        let installs = matches!(subcommand, "install" | "add" | "in");
        match program {
            "apt-get" | "apt" if installs => left.push("/var/lib/apt/lists"),
            "apk" if installs && !has("--no-cache") => left.push("/var/cache/apk"),
            "yum" if installs => left.push("/var/cache/yum"),
            "dnf" | "microdnf" if installs => left.push("/var/cache/dnf"),
            "pip" | "pip3"
                if installs
                    && !has("--no-cache-dir")
                    && !set("PIP_NO_CACHE_DIR")
                    && !text.contains("PIP_NO_CACHE_DIR") =>
            {
                left.push("~/.cache/pip");
            }
            "npm" if matches!(subcommand, "install" | "ci" | "i") => left.push("~/.npm"),
            "yarn" if matches!(subcommand, "install" | "") => left.push("the yarn cache"),
            "yum" | "dnf" | "microdnf" if subcommand == "clean" => {
                left.retain(|c| !matches!(*c, "/var/cache/yum" | "/var/cache/dnf"));
            }
            "npm" if subcommand == "cache" && has("clean") => left.retain(|c| *c != "~/.npm"),
            "yarn" if subcommand == "cache" && has("clean") => {
                left.retain(|c| *c != "the yarn cache");
            }
            "pip" | "pip3" if subcommand == "cache" => left.retain(|c| *c != "~/.cache/pip"),
            "rm" | "find" => left.retain(|cache| !words[from..].iter().any(|w| covers(w, cache))),
            _ => {}
        }
    }
    left.sort_unstable();
    left.dedup();
    left
}

/// Whether a path that is deleted holds a cache: the directory, what is in it, or a directory above it.
fn covers(path: &str, cache: &str) -> bool {
    let (Some(cache), Some(path)) = (bare(cache), bare(path)) else {
        return false;
    };
    if path.is_empty() {
        return false;
    }
    let inside = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(path, cache) || inside(cache, path)
}

/// A path without its home and its wildcards; `None` for what is no path.
fn bare(path: &str) -> Option<&str> {
    let path = path
        .strip_prefix("/root")
        .or_else(|| path.strip_prefix('~'))
        .or_else(|| path.strip_prefix("$HOME"))
        .unwrap_or(path);
    let path = path.split('*').next().unwrap_or(path);
    path.starts_with('/').then(|| path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_those_that_are_installed_and_stay() {
        for (text, expected) in [
            (
                "apt-get update && apt-get install -y python3 make g++",
                &["g++", "make"][..],
            ),
            ("apt-get -y install gcc", &["gcc"]),
            ("yum -y install gcc make", &["gcc", "make"]),
            ("apk add --no-cache build-base=0.5-r3", &["build-base"]),
            ("echo make sure", &[]),
            ("make install", &[]),
            (
                "apk add --virtual .x gcc musl-dev && pip install a && apk del .x",
                &[],
            ),
            ("apk add -t .x gcc && apk del .y", &["gcc"]),
            (
                "apt-get install -y gcc && apt-get purge -y --auto-remove gcc",
                &[],
            ),
            ("apt-get install -y gcc && apt-get purge -y $tools", &[]),
            (
                "apt-get install -y gcc make && apt-get remove -y gcc",
                &["make"],
            ),
        ] {
            assert_eq!(build_tools_left(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cache_is_left_where_nothing_in_the_step_cleans_it() {
        for (text, expected) in [
            (
                "apt-get update && apt-get install -y make",
                &["/var/lib/apt/lists"][..],
            ),
            (
                "apt-get -y install make && rm -rf /var/lib/apt/lists/*",
                &[],
            ),
            ("apt-get install -y make; rm -rf /var/lib/apt/*", &[]),
            (
                "apt-get install -y make && rm -rf /var/lib/dpkg/*",
                &["/var/lib/apt/lists"],
            ),
            ("apk add --no-cache tini", &[]),
            ("apk --no-cache add tini", &[]),
            ("apk add tini", &["/var/cache/apk"]),
            ("yum -y install a", &["/var/cache/yum"]),
            ("yum -y install a && yum clean all", &[]),
            ("pip3 install flask", &["~/.cache/pip"]),
            ("python3 -m pip install flask", &["~/.cache/pip"]),
            ("pip install --no-cache-dir flask", &[]),
            ("PIP_NO_CACHE_DIR=1 pip install flask", &[]),
            ("pip install flask && rm -rf /root/.cache", &[]),
            ("npm i", &["~/.npm"]),
            ("npm ci && npm cache clean --force", &[]),
            ("yarn", &["the yarn cache"]),
            ("yarn build", &[]),
            ("echo apt-get install", &[]),
        ] {
            assert_eq!(caches_left(text, |_| false), expected, "{text}");
        }
        assert_eq!(
            caches_left("pip install a", |n| n == "PIP_NO_CACHE_DIR"),
            [""; 0]
        );
    }
}
