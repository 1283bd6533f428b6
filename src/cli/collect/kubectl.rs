//! Asking: runs kubectl, several at a time, and keeps each answer on disk with what became of it.
//!
//! Nothing but what `plan` asks for is run. kubectl writes into files, so that no answer is in memory whole, and none is waited for beyond its
//! time: `--request-timeout` alone does not end a kubectl whose log-in helper hangs. One that is too large or too late is cut, and says so.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cli::{Failure, plain_error};

/// Most bytes of one answer.
const MOST: u64 = 512 * 1024 * 1024;
/// Most bytes that are kept of what kubectl says beside an answer.
const MOST_SAID: u64 = 16 * 1024;
/// Most requests at a time: an API server in trouble should not get more of it.
const AT_A_TIME: usize = 6;
/// What kubectl gets beyond the time of its request, to say itself that it took too long.
const GRACE: Duration = Duration::from_secs(5);
/// How often a running kubectl is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Something to ask.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// In words.
    pub(super) what: String,
    /// Name of the answer in the bundle.
    pub(super) file: String,
    /// Arguments of kubectl.
    pub(super) arguments: Vec<String>,
    /// Whether a list of a node's files may come instead of an answer.
    pub(super) may_list: bool,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It was answered.
    Came,
    /// It was answered, and the answer was too large.
    Cut,
    /// The user may not.
    Refused,
    /// There is nothing of this name.
    NotThere,
    /// kubectl did not end in time.
    TimedOut,
    /// The user stopped before it was answered.
    Stopped,
    /// Anything else.
    Failed,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Came => "came",
            Status::Cut => "cut",
            Status::Refused => "refused",
            Status::NotThere => "not_there",
            Status::TimedOut => "timed_out",
            Status::Stopped => "stopped",
            Status::Failed => "failed",
        }
    }
}

/// A request and its answer.
pub(super) struct Answer {
    pub(super) request: Request,
    pub(super) status: Status,
    /// What kubectl said beside the answer.
    pub(super) said: Option<String>,
    pub(super) bytes: u64,
    /// The answer, or what came of it; nothing where none came.
    pub(super) content: Option<File>,
}

impl Answer {
    /// Reads the answer, at most `most` bytes of it.
    pub(super) fn read(&self, most: u64) -> Vec<u8> {
        self.content
            .as_ref()
            .map_or_else(Vec::new, |file| beginning(file, most.min(self.bytes)))
    }

    /// Returns the line that tells what became of it.
    pub(super) fn reason(&self) -> &str {
        self.said.as_deref().map_or("", telling)
    }
}

fn beginning(mut file: &File, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(0)).is_ok() {
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}

/// Returns the first line that is no log of kubectl's own: those about its cache of the API stand before the reason.
pub(super) fn telling(said: &str) -> &str {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find(|line| !line.contains("memcache.go:"))
        .or_else(|| lines().next())
        .unwrap_or_default()
}

/// The user's kubectl.
pub(super) struct Kubectl {
    pub(super) program: PathBuf,
    /// Which cluster, and how long to wait.
    pub(super) flags: Vec<String>,
    /// How long one request may take.
    pub(super) timeout: Duration,
    /// The user has had enough.
    pub(super) stop: Arc<AtomicBool>,
}

impl Kubectl {
    /// Returns the name of the context that is asked.
    pub(super) fn context(&self) -> Option<String> {
        if let Some(given) = self.flags.iter().find_map(|f| f.strip_prefix("--context=")) {
            return Some(given.to_owned());
        }
        let answer = self
            .ask(&Request {
                what: "the current context".to_owned(),
                file: String::new(),
                arguments: vec!["config".to_owned(), "current-context".to_owned()],
                may_list: false,
            })
            .ok()?;
        let name = String::from_utf8_lossy(&answer.read(MOST_SAID))
            .trim()
            .to_owned();
        (answer.status == Status::Came && !name.is_empty()).then_some(name)
    }

    /// Returns whether the user has stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Asks for everything; answers come in the order of the requests.
    ///
    /// # Errors
    /// kubectl is not there, or the answers find no place on disk.
    pub(super) fn ask_all(
        &self,
        requests: Vec<Request>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<Answer>, Failure> {
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let slots: Vec<Mutex<Option<Result<Answer, Failure>>>> =
            requests.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME.min(requests.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(request), Some(slot)) = (requests.get(at), slots.get(at)) else {
                            return;
                        };
                        let answer = self.ask(request);
                        if let Ok(mut slot) = slot.lock() {
                            *slot = Some(answer);
                        }
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1, requests.len());
                    }
                });
            }
        });
        slots
            .into_iter()
            .filter_map(|slot| slot.into_inner().ok().flatten())
            .collect()
    }

    fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        if self.is_stopped() {
            return Ok(Answer {
                request: request.clone(),
                status: Status::Stopped,
                said: None,
                bytes: 0,
                content: None,
            });
        }
        let (content, stdout) = file_and_writer()?;
        let (said, stderr) = file_and_writer()?;
        let mut child = Command::new(&self.program)
            .args(&request.arguments)
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|error| Failure::Kubectl {
                program: self.program.display().to_string(),
                error,
            })?;
        let began = Instant::now();
        let size = |file: &File| file.metadata().map_or(0, |m| m.len());
        let ended = loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => break Status::Came,
                // A stop at the keyboard reaches kubectl as well.
                Ok(Some(_)) | Err(_) if self.is_stopped() => break Status::Stopped,
                Ok(Some(_)) | Err(_) => break Status::Failed,
                Ok(None) if size(&content) > MOST || size(&said) > MOST => break Status::Cut,
                Ok(None) if began.elapsed() > self.timeout + GRACE => break Status::TimedOut,
                Ok(None) if self.is_stopped() => break Status::Stopped,
                Ok(None) => std::thread::sleep(LOOK),
            }
        };
        if child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = child.kill();
            let _ = child.wait();
        }
        let mut said = String::from_utf8_lossy(&beginning(&said, MOST_SAID))
            .trim()
            .to_owned();
        let bytes = size(&content);
        let status = match ended {
            Status::Came if bytes > MOST => Status::Cut,
            Status::Failed => status_of(&said),
            other => other,
        };
        if status == Status::TimedOut {
            let waited = began.elapsed().as_secs();
            said = format!("kubectl was ended after {waited} s; see --timeout\n{said}");
        }
        // A log that broke off half-way is evidence all the same.
        let kept = match status {
            Status::Came | Status::Cut => true,
            Status::Failed | Status::TimedOut | Status::Stopped => bytes > 0,
            Status::Refused | Status::NotThere => false,
        };
        Ok(Answer {
            request: request.clone(),
            status,
            said: (!said.is_empty()).then(|| said.trim().to_owned()),
            bytes: if kept { bytes.min(MOST) } else { 0 },
            content: kept.then_some(content),
        })
    }
}

/// Returns a file without a name, and another way into it that writes on its own, whatever is read meanwhile.
fn file_and_writer() -> Result<(File, File), Failure> {
    let made = tempfile::NamedTempFile::new().and_then(|file| Ok((file.reopen()?, file)));
    match made {
        Ok((writer, file)) => Ok((file.into_file(), writer)),
        Err(error) => Err(Failure::Write {
            path: std::env::temp_dir().display().to_string(),
            error: plain_error(&error),
        }),
    }
}

/// Returns what kubectl's words mean.
///
/// # Source
/// kubectl prints the reason of the API server's Status in brackets: "Error from server (Forbidden): …". The kubelet refuses with BadRequest where the
/// log of the container before is gone: "previous terminated container … not found".
fn status_of(said: &str) -> Status {
    if said.contains("(Forbidden)")
        || said.contains("(Unauthorized)")
        || said.contains("must be logged in")
    {
        Status::Refused
    } else if said.contains("(NotFound)")
        || said.contains("the server doesn't have a resource type")
        || (said.contains("previous terminated container") && said.contains("not found"))
    {
        Status::NotThere
    } else {
        Status::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::{Status, status_of, telling};

    #[test]
    fn the_reason_stands_behind_logs_of_the_cache() {
        let said = "E0522 03:15:44.123456     812 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list\"\nThe connection to the server 192.0.2.1:6443 was refused - did you specify the right host or port?\n";
        assert!(telling(said).starts_with("The connection to the server"));
        assert!(
            telling("E0522 03:15:44.123456     812 memcache.go:265] alone").starts_with("E0522")
        );
        assert_eq!(telling(""), "");
    }

    #[test]
    fn words_of_kubectl() {
        for (said, status) in [
            (
                "Error from server (Forbidden): nodes \"a\" is forbidden: User \"u\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope",
                Status::Refused,
            ),
            (
                "error: You must be logged in to the server (Unauthorized)",
                Status::Refused,
            ),
            (
                "Error from server (NotFound): pods \"a\" not found",
                Status::NotThere,
            ),
            (
                "Error from server (BadRequest): previous terminated container \"etcd\" in pod \"etcd-cp-0\" not found",
                Status::NotThere,
            ),
            (
                "error: the server doesn't have a resource type \"jobs\"",
                Status::NotThere,
            ),
            (
                "Unable to connect to the server: dial tcp: i/o timeout",
                Status::Failed,
            ),
            ("", Status::Failed),
        ] {
            assert_eq!(status_of(said), status, "{said}");
        }
    }
}
