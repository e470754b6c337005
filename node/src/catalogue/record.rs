//! What stands in the shared journal: one record a frame.

use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{ShelfId, Verified};
use kapok_protocol::head::{Progress, VerifiedHead};
use kapok_protocol::membership::Certificate;
use kapok_protocol::replica::{News, Stub};
use kapok_protocol::signed::Signed;
use minicbor::{Decode, Encode};

/// A record, verified before it was written.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    Entry(Verified),
    Head(VerifiedHead),
    Certificate(Certificate),
    Stub(ShelfId, Stub),
    Reached(ShelfId, Progress),
    /// The text in this blob is here now, so the resources that name it are indexed with it. Local; never sent.
    TextArrived(BlobId),
}

#[derive(Encode, Decode)]
enum Stored {
    #[n(0)]
    Entry(#[n(0)] Signed),
    #[n(1)]
    Head(#[n(0)] Signed),
    #[n(2)]
    Certificate(#[n(0)] Signed),
    #[n(3)]
    Stub(#[n(0)] ShelfId, #[n(1)] Stub),
    #[n(4)]
    Reached(#[n(0)] ShelfId, #[n(1)] Progress),
    #[n(5)]
    TextArrived(#[n(0)] BlobId),
}

impl Record {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let stored = match self {
            Self::Entry(entry) => Stored::Entry(entry.signed().clone()),
            Self::Head(head) => Stored::Head(head.signed().clone()),
            Self::Certificate(certificate) => Stored::Certificate(certificate.signed().clone()),
            Self::Stub(shelf, stub) => Stored::Stub(*shelf, stub.clone()),
            Self::Reached(shelf, progress) => Stored::Reached(*shelf, progress.clone()),
            Self::TextArrived(blob) => Stored::TextArrived(*blob),
        };
        minicbor::to_vec(stored).expect("writing to a Vec cannot fail, and no encoder of ours refuses a value")
    }

    /// Reads a record back. Signatures of entries and heads were checked when they came; the frame's hash says that
    /// nothing was altered since.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let stored: Stored = minicbor::decode(bytes).map_err(|error| error.to_string())?;
        let text = |error: kapok_protocol::signed::SignedError| error.to_string();
        Ok(match stored {
            Stored::Entry(signed) => Self::Entry(Verified::trusted(signed).map_err(text)?),
            Stored::Head(signed) => Self::Head(VerifiedHead::trusted(signed).map_err(text)?),
            Stored::Certificate(signed) => Self::Certificate(Certificate::from_signed(signed).map_err(text)?),
            Stored::Stub(shelf, stub) => Self::Stub(shelf, stub),
            Stored::Reached(shelf, progress) => Self::Reached(shelf, progress),
            Stored::TextArrived(blob) => Self::TextArrived(blob),
        })
    }
}

impl From<News> for Record {
    fn from(news: News) -> Self {
        match news {
            News::Entry(entry) => Self::Entry(entry),
            News::Head(head) => Self::Head(head),
            News::Certificate(certificate) => Self::Certificate(certificate),
            News::Stub { shelf, stub } => Self::Stub(shelf, stub),
            News::Reached { shelf, progress } => Self::Reached(shelf, progress),
        }
    }
}
