//! Subscriptions: what this node wants to hold by itself. What of it is missing is in `survey`.

use kapok_http::port::{Failure, Result, SubscribeRequest, Subscription as Shown, Subscriptions};
use kapok_library::vocabulary::{Terms, Vocabulary};
use kapok_protocol::visibility::Visibility;

use super::app::{App, failure};
use super::local::Subscription;

const TITLE: &str = "cannot subscribe";
/// More rules than anybody keeps an overview of.
const MAX_SUBSCRIPTIONS: usize = 200;

impl App {
    pub(super) fn subscriptions(&self) -> Result<Subscriptions> {
        let subscriptions: Vec<_> = self.local.state().subscriptions.values().cloned().collect();
        // Whoever may read subscriptions may read what the county shares, and not always what a school keeps to itself.
        let sees = |visibility| visibility <= Visibility::County;
        let surveyed = self.survey()?;
        let shown =
            subscriptions.into_iter().map(|s| (surveyed.figures.count_covered(&s, sees), s)).map(|(count, s)| Shown {
                number: s.number,
                all: s.all,
                subject: s.subject,
                stage: s.stage,
                kind: s.kind,
                max_size: s.max_size,
                resources: count.resources,
                held: count.held,
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
        self.rounds.announce();
        self.subscriptions()
    }

    pub(super) fn unsubscribe(&self, number: u64) -> Result<Subscriptions> {
        if !self.local.unsubscribe(number).map_err(|error| failure(error.into()))? {
            return Err(Failure::not_found("cannot unsubscribe", format!("there is no subscription {number}"))
                .remedy("see kapok subscriptions"));
        }
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
