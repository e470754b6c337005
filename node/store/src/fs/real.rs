//! The operating system's file system. Everything that differs between operating systems is in this file.

use std::fs;
use std::io;
use std::path::Path;

use super::{File, Fs, Kind, Lock, Metadata, Mode};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(mode != Mode::Read).create_new(matches!(mode, Mode::CreateNew | Mode::CreateSecret));
        #[cfg(unix)]
        if mode == Mode::CreateSecret {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        // Opening a pipe would wait for its other end, a device for who knows what.
        if matches!(mode, Mode::Read | Mode::Write) && !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        fs::symlink_metadata(path).map(|m| metadata(&m))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            // A name that is not text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        // Windows does not remove what is read-only.
        #[cfg(windows)]
        let _ = self.set_writable(path);
        fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    /// NTFS journals its names by itself, and a folder cannot be flushed without administrator rights.
    #[cfg(not(unix))]
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn set_read_only(&self, path: &Path) -> io::Result<()> {
        self.set_mode(path, 0o444)
    }

    fn set_writable(&self, path: &Path) -> io::Result<()> {
        self.set_mode(path, 0o644)
    }

    #[cfg(unix)]
    fn mode(&self, path: &Path) -> io::Result<u32> {
        use std::os::unix::fs::PermissionsExt;
        Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
    }

    #[cfg(not(unix))]
    fn mode(&self, path: &Path) -> io::Result<u32> {
        Ok(if fs::metadata(path)?.permissions().readonly() { 0o444 } else { 0o644 })
    }

    #[cfg(unix)]
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    /// Only whether it may be written is known here.
    #[cfg(not(unix))]
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut permissions = fs::metadata(path)?.permissions();
        permissions.set_readonly(mode & 0o200 == 0);
        fs::set_permissions(path, permissions)
    }

    #[cfg(unix)]
    fn links(&self, path: &Path) -> io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        Ok(fs::symlink_metadata(path)?.nlink())
    }

    /// No stable call tells it.
    #[cfg(not(unix))]
    fn links(&self, path: &Path) -> io::Result<u64> {
        fs::symlink_metadata(path).map(|_| 1)
    }

    #[cfg(unix)]
    fn make_private(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        let private = mode & 0o077 == 0;
        if !private {
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))?;
        }
        Ok(private)
    }

    /// The folder's access list holds for what is in it.
    #[cfg(not(unix))]
    fn make_private(&self, path: &Path) -> io::Result<bool> {
        fs::metadata(path).map(|_| true)
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        fs4::available_space(dir)
    }

    fn reflink(&self, from: &Path, to: &Path) -> io::Result<()> {
        reflink_copy::reflink(from, to)
    }

    fn reserve(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        fs4::FileExt::allocate(&file, len)?;
        file.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { _file: file }))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(e),
        }
    }

    fn parallelism(&self) -> usize {
        // Concurrent syncs share the commits of the file system's own journal; more than a few gain nothing on one disk.
        4
    }
}

fn metadata(m: &fs::Metadata) -> Metadata {
    let kind = match m.file_type() {
        t if t.is_file() => Kind::File,
        t if t.is_dir() => Kind::Folder,
        _ => Kind::Other,
    };
    Metadata { kind, len: m.len(), modified: m.modified().ok(), number: number(m) }
}

#[cfg(unix)]
fn number(m: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((m.dev(), m.ino()))
}

/// There is one, but no stable call that tells it.
#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

#[derive(Debug)]
struct RealFile(fs::File);

impl File for RealFile {
    #[cfg(unix)]
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buf, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata().map(|m| metadata(&m))
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The operating system drops the lock when the file closes, also when the process is killed.
#[derive(Debug)]
struct RealLock {
    _file: fs::File,
}

impl Lock for RealLock {}
