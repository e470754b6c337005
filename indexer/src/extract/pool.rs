//! The node's side of extraction: starts the worker when it is needed, and ends it when it does not answer.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{self, Request};
use super::{ExtractError, Extracted};

/// After so much work a worker is replaced: memory that parsers leave behind is given back, and the limit on its processor
/// time is never reached by honest documents.
const WORKER_LIFE: Duration = Duration::from_secs(60);

/// How a worker is started: a program that calls [`super::worker::run`].
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

/// Times that a worker gets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one document; then it is given up.
    pub time: Duration,
    /// Without work; then the process ends, so that an idle node pays nothing for it.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { time: Duration::from_secs(30), idle: Duration::from_secs(60) }
    }
}

/// Extracts text, one document at a time, in a process of its own.
#[derive(Debug)]
pub struct Pool {
    command: WorkerCommand,
    limits: Limits,
    worker: Mutex<Option<Worker>>,
}

#[derive(Debug)]
struct Worker {
    child: Arc<Mutex<Child>>,
    requests: ChildStdin,
    answers: Receiver<Result<Extracted, ExtractError>>,
    worked: Duration,
}

/// Why a worker gave no answer.
enum Silence {
    TooSlow,
    /// It ended: in good order, or with what its end says.
    Ended(Option<String>),
}

impl Pool {
    /// Nothing is started before the first document.
    pub fn new(command: WorkerCommand) -> Self {
        Self::with_limits(command, Limits::default())
    }

    pub fn with_limits(command: WorkerCommand, limits: Limits) -> Self {
        Pool { command, limits, worker: Mutex::new(None) }
    }

    /// The text of a file. `name` is what the file is called, which helps to tell what it is. Blocks until there is an
    /// answer, while other documents wait.
    ///
    /// # Errors
    /// [`ExtractError`] says why there is no text; a worker that cannot be started is [`ExtractError::Crashed`].
    pub fn extract(&self, path: &Path, name: &str) -> Result<Extracted, ExtractError> {
        let Some(path) = path.to_str() else {
            return Err(ExtractError::Damaged(format!("its path {} is not Unicode", path.display())));
        };
        let request = Request { path: path.to_owned(), name: name.to_owned(), idle_ms: millis(self.limits.idle) };
        let mut slot = self.lock();
        // An old worker may end of idleness at the very moment when it is asked; a fresh one may not.
        if let Some(worker) = slot.take()
            && let Some(answer) = self.ask(&mut slot, worker, &request, true)
        {
            return answer;
        }
        let fresh = self.start().map_err(|error| ExtractError::Crashed(format!("no process for it: {error}")))?;
        self.ask(&mut slot, fresh, &request, false)
            .unwrap_or_else(|| Err(ExtractError::Crashed("its process ended without an answer".into())))
    }

    /// Asks a worker, and keeps it if it is worth keeping. `None`: it had ended in good order, so ask another one.
    fn ask(
        &self,
        slot: &mut MutexGuard<'_, Option<Worker>>,
        mut worker: Worker,
        request: &Request,
        used: bool,
    ) -> Option<Result<Extracted, ExtractError>> {
        let begin = Instant::now();
        match worker.answer(request, self.limits.time) {
            Ok(answer) => {
                worker.worked += begin.elapsed();
                if worker.worked < WORKER_LIFE {
                    **slot = Some(worker);
                }
                Some(answer)
            }
            Err(Silence::TooSlow) => Some(Err(ExtractError::TimedOut)),
            Err(Silence::Ended(None)) if used => None,
            Err(Silence::Ended(how)) => {
                Some(Err(ExtractError::Crashed(how.unwrap_or_else(|| "it ended early".into()))))
            }
        }
    }

    fn start(&self) -> io::Result<Worker> {
        let mut child = Command::new(&self.command.program)
            .args(&self.command.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("its pipes are missing"));
        };
        let child = Arc::new(Mutex::new(child));
        let answers = listen(output, Arc::clone(&child))?;
        Ok(Worker { child, requests, answers, worked: Duration::ZERO })
    }

    /// Whether a worker process is alive, for status pages and tests.
    pub fn is_running(&self) -> bool {
        self.lock().as_ref().is_some_and(|worker| matches!(lock(&worker.child).try_wait(), Ok(None)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Worker>> {
        lock(&self.worker)
    }
}

/// Reads answers on a thread, since a pipe cannot be read with a deadline; at the end it collects the process.
fn listen(mut output: ChildStdout, child: Arc<Mutex<Child>>) -> io::Result<Receiver<Result<Extracted, ExtractError>>> {
    let (send, answers) = mpsc::channel();
    thread::Builder::new().name("kapok-extract".into()).spawn(move || {
        while let Ok(answer) = frame::read(&mut output) {
            if send.send(answer).is_err() {
                break;
            }
        }
        // Its answers are over, whether it knows that or not.
        let mut child = lock(&child);
        let _ = child.kill();
        let _ = child.wait();
    })?;
    Ok(answers)
}

impl Worker {
    fn answer(&mut self, request: &Request, time: Duration) -> Result<Result<Extracted, ExtractError>, Silence> {
        if frame::write(&mut self.requests, request).is_err() {
            return Err(self.ended());
        }
        match self.answers.recv_timeout(time) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => Err(Silence::TooSlow),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    fn ended(&self) -> Silence {
        let status = lock(&self.child).wait();
        Silence::Ended(match status {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("its reader ended with {status}, perhaps for want of memory")),
            Err(error) => Some(error.to_string()),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Killed, its output ends, and the listening thread collects it.
        let _ = lock(&self.child).kill();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker is taken out while it is asked, so nobody can leave a broken one behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
