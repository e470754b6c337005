//! One node: its folder, its process and its command line.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::kapok;
use crate::http::Browser;
use crate::ports::Port;

/// A debug build on two busy cores starts within it.
const START: Duration = Duration::from_secs(60);
/// Nothing that a test asks of the command line takes longer.
const COMMAND: Duration = Duration::from_secs(180);

/// What a command gave.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The document on stdout.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not one JSON document ({error}): {self:?}"))
    }

    /// Asserts that the command refused as the contract says: exit 1, nothing on stdout, a reason and a remedy.
    ///
    /// # Panics
    /// If it did not.
    pub fn assert_refused(&self) -> &Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "a panic: {self:?}");
        // `serve` logs before it fails.
        let mut lines = self.stderr.lines().skip_while(|line| !line.starts_with("error: "));
        let reason = lines.next().unwrap_or_else(|| panic!("no reason: {self:?}"));
        let remedy = reason.contains("; ") || lines.any(|line| line.starts_with("  "));
        assert!(remedy, "a reason without a remedy: {self:?}");
        self
    }
}

/// A node of a test. Its process is killed and its folder removed when the test is done with it.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    /// PeerId.
    pub id: String,
    /// The one-time code that `init` printed.
    pub setup: String,
    folder: TempDir,
    http: Port,
    peers: Port,
    process: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// The rest of stderr, whole once the process has ended.
    log: mpsc::Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Ok(log) = self.log.recv_timeout(Duration::from_secs(1))
        {
            eprintln!("--- log of process {}:\n{log}", self.child.id());
        }
    }
}

impl Node {
    /// `kapok init`: a node that does not run yet.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn init(tier: &str, name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("kapok-test-").tempdir().unwrap();
        let (http, peers) = (Port::free(), Port::free());
        let home = folder.path().join("home");
        let address = format!("127.0.0.1:{}", http.number);
        let listen = format!("/ip4/127.0.0.1/udp/{}/quic-v1", peers.number);
        let arguments = ["init", "--tier", tier, "--name", name, "--http", &address, "--listen", &listen];
        let made = run_kapok(&home, &arguments);
        assert_eq!(made.code, Some(0), "{made:?}");
        let made = made.json();
        let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("no {key}: {made}")).to_owned();
        let mut node =
            Self { name: name.to_owned(), id: text("node"), setup: text("setup"), folder, http, peers, process: None };
        assert_eq!(Path::new(&text("home")), node.home().canonicalize().unwrap());
        node.name = name.to_owned();
        node
    }

    /// The data folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder beside it, for files of the test.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A file of the test with this content.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.scratch("files").join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `kapok serve`, without waiting for it.
    ///
    /// # Panics
    /// If the program cannot be started.
    #[must_use]
    pub fn spawn(&self) -> Child {
        let mut command = Command::new(kapok());
        command.arg("--home").arg(self.home()).arg("serve");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// `kapok serve`, until its ready line, which is given back.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start(&mut self) -> Value {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let mut child = self.spawn();
        let mut errors = child.stderr.take().unwrap();
        let (log_sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.read_to_end(&mut bytes);
            let _ = log_sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that a node that prints more never waits for its reader.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let running = Running { child, log };
        let Ok(line) = lines.recv_timeout(START) else {
            drop_with_log(running, &self.name);
        };
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(ready["event"], "ready", "{ready}");
        self.process = Some(running);
        ready
    }

    /// Ends the process at once, as a power cut would (`kill -9`).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Ends the process in order, as Ctrl-C would; its exit is given back.
    ///
    /// # Panics
    /// If it does not run or does not end.
    pub fn stop(&mut self) -> ExitStatus {
        let mut running = self.process.take().expect("it does not run");
        interrupt(&running.child);
        wait(&mut running.child, START).expect("it did not stop when asked")
    }

    /// The process's number.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|running| running.child.id())
    }

    /// Runs a command with `--json`; the document is given back.
    ///
    /// # Panics
    /// If it does not succeed.
    pub fn kapok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Value {
        let outcome = self.try_kapok(arguments);
        assert_eq!(outcome.code, Some(0), "{}: {outcome:?}", self.name);
        outcome.json()
    }

    /// Runs a command with `--json`, whatever comes of it.
    pub fn try_kapok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        run_kapok(&self.home(), arguments)
    }

    /// Adds a file; the resource is given back.
    pub fn add(&self, file: &Path, more: &[&str]) -> Value {
        let mut arguments = vec![OsStr::new("add"), file.as_os_str()];
        arguments.extend(more.iter().map(OsStr::new));
        self.kapok(&arguments)["resources"][0].take()
    }

    /// Searches, in the whole federation.
    pub fn search(&self, query: &str) -> Value {
        self.kapok(&["search", query])
    }

    /// Searches until this resource is found: what was just published is indexed in the background.
    ///
    /// # Panics
    /// If it is not found within a minute.
    pub fn finds(&self, query: &str, resource: &str) -> Value {
        let deadline = Instant::now() + START;
        loop {
            let found = self.search(query);
            let hits = found["hits"].as_array().cloned().unwrap_or_default();
            if let Some(hit) = hits.into_iter().find(|hit| hit["resource"] == resource) {
                return hit;
            }
            assert!(Instant::now() < deadline, "{} does not find {query}: {found}", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Titles of what a search finds.
    #[must_use]
    pub fn titles(&self, query: &str) -> Vec<String> {
        let found = self.search(query);
        let hits = found["hits"].as_array().cloned().unwrap_or_default();
        hits.iter().map(|hit| hit["title"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Somebody at the node's pages.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(format!("http://127.0.0.1:{}", self.http.number))
    }

    /// The node's owner, by the token file.
    ///
    /// # Panics
    /// If there is no token: the node does not run.
    #[must_use]
    pub fn owner(&self) -> Browser {
        let token = std::fs::read_to_string(self.home().join("run/token")).expect("no token: does the node run?");
        self.browser().with_token(token.trim())
    }

    /// The address of the pages.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http.number)
    }

    /// The port of peers.
    #[must_use]
    pub fn peer_port(&self) -> u16 {
        self.peers.number
    }

    /// Where a file of this hash lies, if it is here.
    #[must_use]
    pub fn blob_path(&self, blob: &str) -> PathBuf {
        self.home().join("blobs").join(&blob[..2]).join(&blob[2..4]).join(blob)
    }
}

fn drop_with_log(mut running: Running, name: &str) -> ! {
    let _ = running.child.kill();
    let status = running.child.wait();
    let log = running.log.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    panic!("{name} did not come up ({status:?}):\n{log}");
}

fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// Waits until a process ends, at most so long.
fn wait(child: &mut Child, at_most: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + at_most;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if Instant::now() >= deadline => return None,
            // There is no wait with a deadline in the standard library.
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Runs `kapok --home HOME --json …` to its end.
///
/// # Panics
/// If it cannot be started or does not end.
pub fn run_kapok<S: AsRef<OsStr>>(home: &Path, arguments: &[S]) -> Outcome {
    let mut command = Command::new(kapok());
    command.arg("--home").arg(home).arg("--json").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(Box::new(child.stdout.take().unwrap()));
    let stderr = read(Box::new(child.stderr.take().unwrap()));
    let status = wait(&mut child, COMMAND);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let outcome = Outcome {
        code: status.and_then(|status| status.code()),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(status.is_some(), "a command did not end: {:?}: {outcome:?}", command.get_args().collect::<Vec<_>>());
    outcome
}
