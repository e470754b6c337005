//! What is sent: files that no line can compress, the same for the same seed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A set of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Content {
    /// Sizes as in a library: many small files, few large ones that are most of the bytes.
    Mixed { bytes: u64 },
    /// So many files of one size.
    Equal { files: u64, bytes_each: u64 },
}

/// The smallest file of a mixed set: a short text.
const SMALLEST_BYTES: f64 = 4096.0;

impl Content {
    /// The sizes of its files.
    #[must_use]
    pub fn sizes(&self, seed: u64) -> Vec<u64> {
        let bytes = match *self {
            Self::Equal { files, bytes_each } => return vec![bytes_each; usize::try_from(files).unwrap_or(0)],
            Self::Mixed { bytes } => bytes,
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let largest = (bytes as f64 / 4.0).max(SMALLEST_BYTES);
        let (mut sizes, mut left) = (Vec::new(), bytes);
        while left > 0 {
            // Each power of two is as likely as the next.
            let size = SMALLEST_BYTES * (largest / SMALLEST_BYTES).powf(random.random::<f64>());
            let size = (size as u64).min(left);
            sizes.push(size);
            left -= size;
        }
        sizes
    }

    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match *self {
            Self::Mixed { bytes } => bytes,
            Self::Equal { files, bytes_each } => files * bytes_each,
        }
    }

    /// The same shape with a quarter of the bytes.
    #[must_use]
    pub fn quarter(&self) -> Self {
        match *self {
            Self::Mixed { bytes } => Self::Mixed { bytes: bytes / 4 },
            Self::Equal { files: 1, bytes_each } => Self::Equal { files: 1, bytes_each: bytes_each / 4 },
            Self::Equal { files, bytes_each } => Self::Equal { files: (files / 4).max(1), bytes_each },
        }
    }

    /// Writes the files into an empty folder; their paths.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write(&self, folder: &Path, seed: u64) -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder)?;
        let mut paths = Vec::new();
        for (number, size) in self.sizes(seed).into_iter().enumerate() {
            let path = folder.join(format!("{number:04}.bin"));
            let mut file = fs::File::create(&path)?;
            file.write_all(&noise(seed, number as u64, usize::try_from(size).unwrap_or(usize::MAX)))?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// Bytes without any order in them.
#[must_use]
pub fn noise(seed: u64, number: u64, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&number.to_le_bytes());
    hasher.finalize_xof().fill(&mut content);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_set_has_exactly_its_bytes_in_small_and_large_files() {
        for seed in 0..20 {
            let sizes = Content::Mixed { bytes: 8 << 20 }.sizes(seed);
            assert_eq!(sizes.iter().sum::<u64>(), 8 << 20);
            assert!(sizes.len() > 8 && sizes.iter().any(|size| *size < 100_000), "seed {seed}: {sizes:?}");
            assert!(sizes.iter().all(|size| *size <= 2 << 20), "seed {seed}: {sizes:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(noise(1, 2, 1000), noise(1, 2, 1000));
        assert_ne!(noise(1, 2, 1000), noise(1, 3, 1000));
        assert_ne!(noise(1, 2, 1000), noise(2, 2, 1000));
    }
}
