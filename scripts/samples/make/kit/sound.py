"""MP3: notes made from sines and plucked strings with numpy, encoded small."""

import subprocess

import numpy as np

RATE = 32000
RNG = np.random.default_rng(4)


def hertz(semitones_from_a4):
    return 440.0 * 2 ** (semitones_from_a4 / 12)


def envelope(n, attack_s, release_s):
    e = np.ones(n)
    a, r = min(n, int(attack_s * RATE)), min(n, int(release_s * RATE))
    e[:a] *= np.linspace(0, 1, a) ** 0.7
    e[n - r:] *= np.linspace(1, 0, r) ** 1.3
    return e


def recorder(freq, seconds):
    """A soft wind tone with a little breath and a slow vibrato."""
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    depth = 0.0035 * np.clip((t - 0.18) / 0.3, 0, 1)
    phase = 2 * np.pi * np.cumsum(freq * (1 + depth * np.sin(2 * np.pi * 5.1 * t))) / RATE
    wave = np.sin(phase) + 0.22 * np.sin(2 * phase) + 0.16 * np.sin(3 * phase) + 0.04 * np.sin(4 * phase)
    breath = np.convolve(RNG.standard_normal(n), np.ones(6) / 6, "same") * 0.05 * np.exp(-t * 14)
    return (wave * 0.62 + breath) * envelope(n, 0.035, 0.09)


def pluck(freq, seconds, bright=0.5):
    """Karplus and Strong's string: noise in a loop that loses its high tones."""
    n, period = int(seconds * RATE), int(round(RATE / freq))
    line = np.convolve(RNG.uniform(-1, 1, period + 2), [0.3, 0.4, 0.3], "valid")
    out = np.empty(n + period)
    out[:period] = line - line.mean()
    for start in range(period, n, period):
        prev = out[start - period:start]
        out[start:start + period] = 0.996 * ((1 - bright * 0.5) * prev + bright * 0.5 * np.roll(prev, 1))[: len(out[start:start + period])]
    return out[:n] * envelope(n, 0.002, 0.12)


def wood(seconds=0.16, freq=880):
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    return (np.sin(2 * np.pi * freq * t) + 0.5 * np.sin(2 * np.pi * freq * 2.76 * t)) * np.exp(-t * 42)


def mix(track, sound, at_s, gain):
    i = int(at_s * RATE)
    part = sound[: max(0, len(track) - i)]
    track[i:i + len(part)] += part * gain


def room(track, amount=0.16):
    out = track.copy()
    for delay_s, gain in ((0.031, 0.5), (0.047, 0.42), (0.071, 0.34), (0.113, 0.26), (0.173, 0.17), (0.257, 0.1)):
        d = int(delay_s * RATE)
        out[d:] += track[:-d] * gain * amount * 2
    return out


def mp3(path, track, title, bitrate="48k"):
    track = np.tanh(track / max(1e-9, np.abs(track).max()) * 1.15) * 0.86
    pcm = (track * 32767).astype("<i2").tobytes()
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "libmp3lame", "-b:a", bitrate,
                    "-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1", "-id3v2_version", "3",
                    "-metadata", f"title={title}", "-metadata", "artist=木棉示例", str(path)], input=pcm, check=True)
