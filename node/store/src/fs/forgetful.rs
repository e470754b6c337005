//! A file system in memory that forgets, as a power cut makes a real one forget.
//!
//! Every file has two contents, the one that programs see and the one that is durable, and every folder two lists of
//! names. [`ForgetfulFs::crash`] throws the first away: bytes that were not synced are lost, kept or torn at sectors,
//! names whose folder was not synced appear, stay away or go back, each by the throw of a seeded die. A real file system
//! is kinder; what survives here survives there.
//!
//! Besides, a test can run the disk full at any byte, fail syncs and reads, make it read-only, damage bytes, and cut
//! the power before any change ([`ForgetfulFs::cut_power_after`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{File, Fs, Kind, Lock, Metadata, Mode};

/// A disk writes sectors whole; what is larger can be torn between them.
const SECTOR_BYTES: usize = 512;

/// A simulated file system. Clones share the disk.
#[derive(Clone, Debug, Default)]
pub struct ForgetfulFs {
    disk: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    disk: Mutex<Disk>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Disk {
    /// Grows with each crash: handles of an earlier life are dead.
    life: u64,
    inodes: Vec<Inode>,
    seen: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    locks: BTreeSet<PathBuf>,
    /// Stands for the clock: each change of a file gets its own time.
    changes: u64,
    syncs: u64,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Faults {
    power_off_at: Option<u64>,
    room: Option<u64>,
    piece_bytes: Option<usize>,
    reported_room: Option<u64>,
    syncs_fail: bool,
    syncs_held: bool,
    no_hard_links: bool,
    read_only: bool,
}

/// What another program does to a file whenever it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Appends a byte.
    Grow,
    /// Removes it.
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    modified: u64,
    mode: u32,
    unreadable: bool,
    meddling: Option<Meddling>,
}

impl Default for Inode {
    fn default() -> Self {
        let (seen, durable, unsynced) = Default::default();
        Self { seen, durable, unsynced, modified: 0, mode: 0o644, unreadable: false, meddling: None }
    }
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Len(usize),
}

impl ForgetfulFs {
    /// An empty disk of unlimited size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power and brings it back: open handles and locks die, faults end, and of what was not synced survives
    /// what the seed says.
    pub fn crash(&self, seed: u64) {
        self.disk().crash(&mut Die(seed));
    }

    /// Changes made since the disk began: writes, syncs, names. The instants at which power can be cut.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.disk().changes
    }

    /// Files and folders synced since the disk began.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.disk().syncs
    }

    /// From the change with this number (see [`Self::changes`]) on, everything fails until [`Self::crash`].
    pub fn cut_power_after(&self, changes: u64) {
        self.disk().faults.power_off_at = Some(changes);
    }

    /// Makes a write happen in pieces of so many bytes, between which others read and the power can fail; `None` for
    /// whole ones.
    pub fn write_in_pieces(&self, piece_bytes: Option<usize>) {
        self.disk().faults.piece_bytes = piece_bytes;
    }

    /// How many bytes can still be written; `None` for no limit.
    pub fn set_room(&self, room: Option<u64>) {
        self.disk().faults.room = room;
    }

    /// What [`Fs::free_space`] answers, whatever the truth is.
    pub fn set_reported_room(&self, room: Option<u64>) {
        self.disk().faults.reported_room = room;
    }

    /// Makes syncs fail, as a dying disk does.
    pub fn fail_syncs(&self, fail: bool) {
        self.disk().faults.syncs_fail = fail;
    }

    /// Makes syncs of files wait until they are let go, as a slow disk does.
    pub fn hold_syncs(&self, hold: bool) {
        self.disk().faults.syncs_held = hold;
        self.disk.released.notify_all();
    }

    /// Refuses second names for a file, as FAT does and as two disks do between them.
    pub fn refuse_hard_links(&self, refuse: bool) {
        self.disk().faults.no_hard_links = refuse;
    }

    /// Refuses every change, as a disk mounted read-only does.
    pub fn set_disk_read_only(&self, read_only: bool) {
        self.disk().faults.read_only = read_only;
    }

    /// Makes reads of this file fail, as bad sectors do.
    pub fn fail_reads_of(&self, path: &Path, fail: bool) {
        let mut disk = self.disk();
        if let Some(Node::File(inode)) = disk.seen.get(path).copied() {
            disk.inodes[inode].unreadable = fail;
        }
    }

    /// Lets another program work on this file while it is read.
    pub fn meddle(&self, path: &Path, meddling: Meddling) {
        let mut disk = self.disk();
        if let Some(Node::File(inode)) = disk.seen.get(path).copied() {
            disk.inodes[inode].meddling = Some(meddling);
        }
    }

    /// Flips bits of one byte on the disk, as age does.
    pub fn rot(&self, path: &Path, offset: usize, flip: u8) {
        let mut disk = self.disk();
        if let Some(Node::File(inode)) = disk.seen.get(path).copied() {
            let inode = &mut disk.inodes[inode];
            for content in [&mut inode.seen, &mut inode.durable] {
                if let Some(byte) = content.get_mut(offset) {
                    *byte ^= flip;
                }
            }
        }
    }

    /// All files with their bytes, as programs see them.
    #[must_use]
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let disk = self.disk();
        let content = |(path, node): (&PathBuf, &Node)| match node {
            Node::File(inode) => Some((path.clone(), disk.inodes[*inode].seen.clone())),
            Node::Folder => None,
        };
        disk.seen.iter().filter_map(content).collect()
    }

    /// Puts a durable file there, as a person would before the test begins.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut disk = self.disk();
        let modified = disk.changes;
        disk.changes += 1;
        disk.inodes.push(Inode { seen: bytes.to_vec(), durable: bytes.to_vec(), modified, ..Inode::default() });
        let file = Node::File(disk.inodes.len() - 1);
        for (names, folders) in [path; 2].into_iter().zip([true, false]) {
            let names: Vec<PathBuf> = names.ancestors().skip(1).map(Path::to_path_buf).collect();
            let map = if folders { &mut disk.seen } else { &mut disk.durable };
            for folder in names {
                map.insert(folder, Node::Folder);
            }
            map.insert(path.to_path_buf(), file);
        }
    }
}

impl Disk {
    /// Counts a change, or fails because of the power or the disk's state.
    fn change(&mut self) -> io::Result<()> {
        self.powered()?;
        if self.faults.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.changes += 1;
        Ok(())
    }

    fn powered(&self) -> io::Result<()> {
        match self.faults.power_off_at {
            Some(at) if self.changes >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.seen.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn folder(&self, path: &Path) -> io::Result<()> {
        match self.seen.get(path) {
            Some(Node::Folder) => Ok(()),
            None if path.parent().is_none() => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn give_back(&mut self, bytes: usize) {
        if let Some(room) = &mut self.faults.room {
            *room += bytes as u64;
        }
    }

    /// Forgets a name; the bytes' room comes back if no other name has them.
    fn unlink(&mut self, path: &Path) {
        if let Some(Node::File(inode)) = self.seen.remove(path)
            && !self.seen.values().any(|n| *n == Node::File(inode))
        {
            self.give_back(self.inodes[inode].seen.len());
        }
    }

    fn metadata_of(&self, number: usize) -> Metadata {
        let inode = &self.inodes[number];
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(inode.modified);
        let (len, number) = (inode.seen.len() as u64, Some((0, number as u64)));
        Metadata { kind: Kind::File, len, modified: Some(modified), number }
    }

    fn crash(&mut self, die: &mut Die) {
        for inode in &mut self.inodes {
            for change in std::mem::take(&mut inode.unsynced) {
                change.survive(&mut inode.durable, die);
            }
            inode.seen = inode.durable.clone();
        }
        let paths: BTreeSet<PathBuf> = self.seen.keys().chain(self.durable.keys()).cloned().collect();
        let mut after = BTreeMap::new();
        for path in paths {
            let (seen, durable) = (self.seen.get(&path), self.durable.get(&path));
            let survivor = if seen == durable || die.throw(2) == 0 { durable } else { seen };
            let parent_is_there = path.parent().is_none_or(|p| p.parent().is_none() || after.contains_key(p));
            if let (Some(node), true) = (survivor, parent_is_there) {
                after.insert(path, *node);
            }
        }
        self.durable.clone_from(&after);
        self.seen = after;
        self.locks.clear();
        self.faults = Faults::default();
        self.life += 1;
    }
}

impl Change {
    /// Applies to the durable bytes what the die lets survive.
    fn survive(self, durable: &mut Vec<u8>, die: &mut Die) {
        match (self, die.throw(3)) {
            (_, 0) => {}
            (Self::Len(len), _) => durable.resize(len, 0),
            (Self::Write { offset, bytes }, 1) => write(durable, offset, &bytes),
            (Self::Write { offset, bytes }, _) => {
                let mut at = 0;
                while at < bytes.len() {
                    let sector_end = (offset + at) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES;
                    let end = bytes.len().min(sector_end - offset);
                    match die.throw(3) {
                        0 => write(durable, offset + at, &bytes[at..end]),
                        // The length became durable, the bytes did not.
                        1 => write(durable, offset + at, &vec![0; end - at]),
                        _ => {}
                    }
                    at = end;
                }
            }
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// SplitMix64 (Steele, Lea, Flood 2014): one seed, one crash, every time.
#[derive(Debug)]
struct Die(u64);

impl Die {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

impl Fs for ForgetfulFs {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let mut disk = self.disk();
        disk.powered()?;
        let inode = match (disk.file(path), mode) {
            (Ok(inode), Mode::Read | Mode::Write) => inode,
            (Ok(_), _) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Err(e), Mode::CreateNew | Mode::CreateSecret) if e.kind() == io::ErrorKind::NotFound => {
                disk.folder(path.parent().unwrap_or(Path::new("/")))?;
                disk.change()?;
                let modified = disk.changes;
                disk.inodes.push(Inode { modified, ..Inode::default() });
                let inode = disk.inodes.len() - 1;
                disk.seen.insert(path.to_path_buf(), Node::File(inode));
                inode
            }
            (Err(e), _) => return Err(e),
        };
        Ok(Box::new(ForgetfulFile { disk: self.disk.clone(), inode, life: disk.life }))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let disk = self.disk();
        disk.powered()?;
        if disk.folder(path).is_ok() {
            return Ok(Metadata { kind: Kind::Folder, len: 0, modified: None, number: None });
        }
        disk.file(path).map(|inode| disk.metadata_of(inode))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let disk = self.disk();
        disk.powered()?;
        disk.folder(dir)?;
        let name = |path: &PathBuf| path.file_name().and_then(|n| n.to_str()).map(str::to_owned);
        Ok(disk.seen.keys().filter(|p| p.parent() == Some(dir)).filter_map(name).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.powered()?;
        let mut missing: Vec<&Path> = dir.ancestors().take_while(|d| disk.folder(d).is_err()).collect();
        while let Some(folder) = missing.pop() {
            if disk.seen.contains_key(folder) {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            disk.change()?;
            disk.seen.insert(folder.to_path_buf(), Node::Folder);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.powered()?;
        let inode = disk.file(from)?;
        disk.folder(to.parent().unwrap_or(Path::new("/")))?;
        disk.change()?;
        if from != to {
            disk.unlink(to);
        }
        disk.seen.remove(from);
        disk.seen.insert(to.to_path_buf(), Node::File(inode));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.powered()?;
        let inode = disk.file(from)?;
        disk.folder(to.parent().unwrap_or(Path::new("/")))?;
        if disk.faults.no_hard_links {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        if disk.seen.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.change()?;
        disk.seen.insert(to.to_path_buf(), Node::File(inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.powered()?;
        disk.file(path)?;
        disk.change()?;
        disk.unlink(path);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.folder(dir)?;
        disk.change()?;
        if disk.faults.syncs_fail {
            return Err(io::Error::other("input/output error"));
        }
        disk.syncs += 1;
        let inside = |path: &Path| path.parent() == Some(dir);
        disk.durable.retain(|path, _| !inside(path));
        let names: Vec<_> = disk.seen.iter().filter(|(p, _)| inside(p)).map(|(p, n)| (p.clone(), *n)).collect();
        disk.durable.extend(names);
        Ok(())
    }

    fn set_read_only(&self, path: &Path) -> io::Result<()> {
        self.set_mode(path, 0o444)
    }

    fn set_writable(&self, path: &Path) -> io::Result<()> {
        self.set_mode(path, 0o644)
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        let disk = self.disk();
        disk.powered()?;
        Ok(disk.inodes[disk.file(path)?].mode)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut disk = self.disk();
        let inode = disk.file(path)?;
        disk.change()?;
        disk.inodes[inode].mode = mode;
        Ok(())
    }

    fn links(&self, path: &Path) -> io::Result<u64> {
        let disk = self.disk();
        disk.powered()?;
        let file = Node::File(disk.file(path)?);
        Ok(disk.seen.values().filter(|node| **node == file).count() as u64)
    }

    /// There are no others here.
    fn make_private(&self, path: &Path) -> io::Result<bool> {
        self.metadata(path).map(|_| true)
    }

    fn free_space(&self, _dir: &Path) -> io::Result<u64> {
        let disk = self.disk();
        disk.powered()?;
        Ok(disk.faults.reported_room.or(disk.faults.room).unwrap_or(1 << 50))
    }

    fn reflink(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reserve(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = self.open(path, Mode::CreateNew)?;
        file.write_at(0, &vec![0; usize::try_from(len).map_err(io::Error::other)?])?;
        file.sync()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        match self.open(path, Mode::CreateNew) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let mut disk = self.disk();
        if !disk.locks.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(Box::new(ForgetfulLock { fs: self.clone(), path: path.to_path_buf(), life: disk.life })))
    }
}

#[derive(Debug)]
struct ForgetfulLock {
    fs: ForgetfulFs,
    path: PathBuf,
    life: u64,
}

impl Lock for ForgetfulLock {}

impl Drop for ForgetfulLock {
    fn drop(&mut self) {
        let mut disk = self.fs.disk();
        if disk.life == self.life {
            disk.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct ForgetfulFile {
    disk: Arc<Shared>,
    inode: usize,
    life: u64,
}

impl ForgetfulFile {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.life != self.life {
            return Err(io::Error::other("this handle was opened before the power cut"));
        }
        disk.powered()?;
        Ok(disk)
    }

    fn write_piece(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.change()?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let len = disk.inodes[self.inode].seen.len();
        let growth = (offset + bytes.len()).saturating_sub(len);
        let room = disk.faults.room.map_or(usize::MAX, |r| usize::try_from(r).unwrap_or(usize::MAX));
        // A full disk takes what fits, then says so.
        let fits = bytes.len() - growth.saturating_sub(room).min(bytes.len());
        if let Some(r) = &mut disk.faults.room {
            *r = r.saturating_sub(growth as u64);
        }
        let modified = disk.changes;
        let inode = &mut disk.inodes[self.inode];
        inode.modified = modified;
        if fits > 0 {
            write(&mut inode.seen, offset, &bytes[..fits]);
            inode.unsynced.push(Change::Write { offset, bytes: bytes[..fits].to_vec() });
        }
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl File for ForgetfulFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.disk()?;
        match disk.inodes[self.inode].meddling {
            Some(Meddling::Grow) => {
                disk.changes += 1;
                let modified = disk.changes;
                let inode = &mut disk.inodes[self.inode];
                inode.seen.push(b'+');
                inode.modified = modified;
            }
            Some(Meddling::Remove) => disk.seen.retain(|_, node| *node != Node::File(self.inode)),
            None => {}
        }
        let inode = &disk.inodes[self.inode];
        if inode.unreadable {
            return Err(io::Error::other("input/output error"));
        }
        let rest = usize::try_from(offset).ok().and_then(|at| inode.seen.get(at..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, mut offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(piece_bytes) = self.disk()?.faults.piece_bytes else {
            return self.write_piece(offset, bytes);
        };
        for piece in bytes.chunks(piece_bytes.max(1)) {
            self.write_piece(offset, piece)?;
            offset += piece.len() as u64;
            std::thread::yield_now();
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.change()?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let modified = disk.changes;
        let inode = &mut disk.inodes[self.inode];
        inode.modified = modified;
        let freed = inode.seen.len().saturating_sub(len);
        inode.seen.resize(len, 0);
        inode.unsynced.push(Change::Len(len));
        disk.give_back(freed);
        Ok(())
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.disk()?.metadata_of(self.inode))
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk()?;
        while disk.faults.syncs_held {
            disk = self.disk.released.wait(disk).unwrap_or_else(PoisonError::into_inner);
        }
        disk.change()?;
        let fails = disk.faults.syncs_fail;
        if !fails {
            disk.syncs += 1;
        }
        let inode = &mut disk.inodes[self.inode];
        if fails {
            // As Linux does: the dirty pages are dropped, and a second sync would say that all is well.
            inode.unsynced.clear();
            return Err(io::Error::other("input/output error"));
        }
        inode.unsynced.clear();
        inode.durable = inode.seen.clone();
        Ok(())
    }
}
