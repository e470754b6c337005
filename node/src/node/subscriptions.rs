//! Subscriptions: what this node wants to hold by itself, and what of it is missing.

use std::collections::BTreeMap;

use kapok_http::port::{Failure, Result, SubscribeRequest, Subscription as Shown, Subscriptions};
use kapok_library::resource::ResourceId;
use kapok_library::vocabulary::{Terms, Vocabulary};
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Tier;
use kapok_protocol::time::Timestamp;

use super::app::{App, failure};
use super::local::Subscription;
use crate::catalogue::Found;

const TITLE: &str = "cannot subscribe";
/// More rules than anybody keeps an overview of.
const MAX_SUBSCRIPTIONS: usize = 200;

/// A blob that is wanted and not here.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) blob: BlobId,
    pub(super) size: u64,
    pub(super) home: NodeId,
    pub(super) name: String,
    pub(super) resource: String,
    /// Texts go first: they are small and make things findable.
    pub(super) is_text: bool,
    pub(super) time: Timestamp,
}

/// Resources whose files are all here, with whose they are.
pub(super) type Held = BTreeMap<ResourceId, NodeId>;

impl Subscription {
    /// Whether a resource falls under it.
    fn covers(&self, found: &Found) -> bool {
        let within = |list: &[String], value: &String| list.is_empty() || list.contains(value);
        let resource = &found.resource;
        let small = self.max_size.is_none_or(|most| resource.files.iter().all(|file| file.size <= most));
        within(&self.subject, &resource.subject)
            && within(&self.stage, &resource.stage)
            && within(&self.kind, &resource.kind)
            && small
    }
}

impl App {
    /// Everything that is wanted and not here, and the resources that are here whole.
    pub(super) fn missing(&self) -> Result<(Vec<Missing>, Held)> {
        let subscriptions: Vec<_> = self.local.state().subscriptions.values().cloned().collect();
        let reading = self.reading()?;
        let Some(me) = reading.try_me() else { return Ok((Vec::new(), Held::default())) };
        // City and county answer searches for their subtree, so they keep all its texts.
        let answers = me.tier <= Tier::County;
        let mut missing = Vec::new();
        let mut held = Held::default();
        for id in reading.recent() {
            let Some(found) = reading.resource(&id.map_err(failure)?).map_err(failure)? else { continue };
            let whole = self.holds(&found.resource.files);
            if whole {
                held.insert(found.id, found.key.author);
            }
            let wanted = subscriptions.iter().any(|subscription| subscription.covers(&found));
            let below = reading.find_member(&found.key.author).is_some_and(|author| me.is_ancestor_of(author));
            let here = |blob: BlobId| self.blobs.contains(blob).unwrap_or(false);
            for file in &found.resource.files {
                let mut want = |blob, size, is_text| {
                    if !here(blob) {
                        missing.push(Missing {
                            blob,
                            size,
                            home: found.key.author,
                            name: file.name.clone(),
                            resource: found.id.to_string(),
                            is_text,
                            time: found.time,
                        });
                    }
                };
                if let Some(text) = file.text
                    && (wanted || whole || (answers && below))
                {
                    want(text.blob, text.size, true);
                }
                if wanted && !whole {
                    want(file.blob, file.size, false);
                }
            }
        }
        // Texts, then the newest, then the small.
        missing.sort_by_key(|m| (!m.is_text, std::cmp::Reverse(m.time), m.size, m.blob));
        missing.dedup_by_key(|m| m.blob);
        Ok((missing, held))
    }

    pub(super) fn subscriptions(&self) -> Result<Subscriptions> {
        let subscriptions: Vec<_> = self.local.state().subscriptions.values().cloned().collect();
        let mut counts = vec![(0, 0); subscriptions.len()];
        let reading = self.reading()?;
        for id in reading.recent() {
            let Some(found) = reading.resource(&id.map_err(failure)?).map_err(failure)? else { continue };
            let mut whole = None;
            for (subscription, (resources, held)) in subscriptions.iter().zip(&mut counts) {
                if subscription.covers(&found) {
                    *resources += 1;
                    *held += u64::from(*whole.get_or_insert_with(|| self.holds(&found.resource.files)));
                }
            }
        }
        let shown = subscriptions.into_iter().zip(counts).map(|(s, (resources, held))| Shown {
            number: s.number,
            all: s.all,
            subject: s.subject,
            stage: s.stage,
            kind: s.kind,
            max_size: s.max_size,
            resources,
            held,
        });
        Ok(Subscriptions { subscriptions: shown.collect() })
    }

    pub(super) fn subscribe(&self, request: &SubscribeRequest) -> Result<Subscriptions> {
        let vocabulary = Vocabulary::get();
        let subscription = Subscription {
            number: 0,
            all: request.all,
            subject: terms("subject", &request.subject, &vocabulary.subject)?,
            stage: request
                .stage
                .iter()
                .map(|typed| {
                    let slug = vocabulary.stage_slug(typed).map(str::to_owned);
                    slug.ok_or_else(|| unknown("stage", typed, &vocabulary.stages().collect::<Vec<_>>()))
                })
                .collect::<Result<_>>()?,
            kind: terms("kind", &request.kind, &vocabulary.kind)?,
            max_size: request.max_size,
        };
        let empty = subscription.subject.is_empty() && subscription.stage.is_empty() && subscription.kind.is_empty();
        if empty && !request.all && request.max_size.is_none() {
            return Err(Failure::invalid(TITLE, "nothing is said of what to hold")
                .remedy("name a subject, stage or kind, or say --all for everything"));
        }
        {
            let state = self.local.state();
            if state.subscriptions.len() >= MAX_SUBSCRIPTIONS {
                return Err(Failure::conflict(TITLE, format!("there are {MAX_SUBSCRIPTIONS} subscriptions already"))
                    .remedy("end some with kapok unsubscribe"));
            }
            // The same once more is no second one.
            let same = |known: &Subscription| Subscription { number: 0, ..known.clone() } == subscription;
            if state.subscriptions.values().any(same) {
                drop(state);
                return self.subscriptions();
            }
        }
        self.local.subscribe(subscription).map_err(|error| failure(error.into()))?;
        self.rounds.recount();
        self.rounds.announce();
        self.subscriptions()
    }

    pub(super) fn unsubscribe(&self, number: u64) -> Result<Subscriptions> {
        if !self.local.unsubscribe(number).map_err(|error| failure(error.into()))? {
            return Err(Failure::not_found("cannot unsubscribe", format!("there is no subscription {number}"))
                .remedy("see kapok subscriptions"));
        }
        self.rounds.recount();
        self.subscriptions()
    }
}

fn terms(field: &str, typed: &[String], terms: &Terms) -> Result<Vec<String>> {
    let slug = |typed: &String| {
        terms.slug(typed).map(str::to_owned).ok_or_else(|| unknown(field, typed, &terms.keys().collect::<Vec<_>>()))
    };
    typed.iter().map(slug).collect()
}

fn unknown(field: &str, typed: &str, known: &[&str]) -> Failure {
    let typed: String = typed.chars().take(40).collect();
    Failure::invalid(TITLE, format!("“{typed}” is not a {field}")).remedy(format!("known are: {}", known.join(", ")))
}
