//! Asking: runs kubectl, several at a time, and keeps each answer on disk with what became of it.
//!
//! Nothing but what `plan` asks for is run. An answer may be large, so it never is in memory whole; one that is too large is cut, and says so.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cli::Failure;

/// Most bytes of one answer.
const MOST: u64 = 512 * 1024 * 1024;
/// Most requests at a time: an API server in trouble should not get more of it.
const AT_A_TIME: usize = 6;

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
    /// The answer; nothing where none came.
    pub(super) content: Option<File>,
}

impl Answer {
    /// Reads the answer, at most `most` bytes of it.
    pub(super) fn read(&self, most: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(mut file) = self.content.as_ref() else {
            return bytes;
        };
        if file.seek(SeekFrom::Start(0)).is_ok() {
            let _ = file.take(most).read_to_end(&mut bytes);
        }
        bytes
    }
}

/// The user's kubectl.
pub(super) struct Kubectl {
    pub(super) program: PathBuf,
    /// Which cluster, and how long to wait.
    pub(super) flags: Vec<String>,
}

impl Kubectl {
    /// Returns the name of the context that is asked.
    pub(super) fn context(&self) -> Option<String> {
        if let Some(given) = self.flags.iter().find_map(|f| f.strip_prefix("--context=")) {
            return Some(given.to_owned());
        }
        let output = Command::new(&self.program)
            .args(["config", "current-context"])
            .args(&self.flags)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !name.is_empty()).then_some(name)
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
        let on_disk = |error| Failure::Write {
            path: std::env::temp_dir().display().to_string(),
            error,
        };
        let mut child = Command::new(&self.program)
            .args(&request.arguments)
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::Kubectl {
                program: self.program.display().to_string(),
                error,
            })?;
        let stderr = child.stderr.take();
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(16 * 1024).read_to_end(&mut said);
                // What is beyond is read as well, or kubectl would wait for ever.
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        let mut content = tempfile::tempfile().map_err(on_disk)?;
        let mut bytes = 0;
        let mut cut = false;
        if let Some(stdout) = child.stdout.take() {
            bytes = std::io::copy(&mut stdout.take(MOST + 1), &mut content).map_err(on_disk)?;
            if bytes > MOST {
                cut = true;
                bytes = MOST;
                content.set_len(MOST).map_err(on_disk)?;
                let _ = child.kill();
            }
        }
        content.flush().map_err(on_disk)?;
        let succeeded = child.wait().is_ok_and(|status| status.success());
        let said = said.join().unwrap_or_default();
        let status = match (succeeded, cut) {
            (_, true) => Status::Cut,
            (true, false) => Status::Came,
            (false, false) => status_of(&said),
        };
        // A log that broke off half-way is evidence all the same.
        let kept =
            matches!(status, Status::Came | Status::Cut) || (status == Status::Failed && bytes > 0);
        Ok(Answer {
            request: request.clone(),
            status,
            said: (!said.is_empty()).then_some(said),
            bytes: if kept { bytes } else { 0 },
            content: kept.then_some(content),
        })
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
    use super::{Status, status_of};

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
