//! Who belongs: inviting, joining, admitting, revoking, and the lists of members and peers.

use std::sync::Arc;

use kapok_http::port::{
    AdmitRequest, Failure, Grant, Invitation, InviteRequest, JoinPaper, JoinRequest, Joined, Member, Members, Peer,
    Peers, Result, RevokeRequest, Revoked,
};
use kapok_library::revocation::{MAX_REASON_CHARS, Revocation};
use kapok_net::link::JoinError;
use kapok_protocol::identity::NodeId;
use kapok_protocol::join::{self, Invitation as Code, Reply, Request};
use kapok_protocol::membership::{Certificate, MAX_NAME_BYTES, Membership, Tier};
use kapok_protocol::replica::{News, Replica as _};
use kapok_protocol::signed::Signed;
use kapok_protocol::visibility::Visibility;

use super::app::{App, failure, now, rfc3339};
use super::local::Invited;
use super::{facts, survey};
use crate::catalogue::Statement;

/// How long a code may be used unless the inviter says otherwise, and at most.
const CODE_SECONDS: u64 = 7 * 24 * 60 * 60;
const MAX_CODE_SECONDS: u64 = 90 * 24 * 60 * 60;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// A membership is good for so long; the parent renews it silently well before.
const MEMBERSHIP_MILLIS: u64 = 3 * 365 * DAY_MILLIS;
/// People of a node that count as raters: generous for a school, and no more for a county.
const STAFF_QUOTA: u32 = 500;
/// Heard of within this long counts as there.
const ONLINE_MILLIS: u64 = 10 * 60 * 1000;

impl App {
    pub(super) fn invite(&self, request: &InviteRequest) -> Result<Invitation> {
        const TITLE: &str = "cannot invite";
        let tier: Tier = request.tier.parse().map_err(|e: kapok_protocol::membership::NotATier| {
            Failure::invalid(TITLE, e.to_string()).remedy("give one with --tier")
        })?;
        let name = request.name.trim().to_owned();
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(Failure::invalid(TITLE, format!("a name has 1 to {MAX_NAME_BYTES} bytes"))
                .remedy("give one with --name"));
        }
        let federation = {
            let reading = self.reading()?;
            let me = reading.try_me().ok_or_else(|| failure(crate::catalogue::CatalogueError::NotAMember))?;
            if tier <= me.tier {
                return Err(Failure::invalid(TITLE, format!("a {} cannot admit a {tier}", me.tier))
                    .remedy("tiers descend: city, county, school, point"));
            }
            reading.federation()
        };
        let seconds = request.valid_seconds.unwrap_or(CODE_SECONDS);
        if seconds == 0 || seconds > MAX_CODE_SECONDS {
            return Err(Failure::invalid(TITLE, "a code is good for 1 second to 90 days")
                .remedy("give another time with --valid"));
        }
        let secret: [u8; 16] = rand::random();
        let expires = now().plus_millis(seconds * 1000);
        let addresses = self.own_addresses().into_iter().take(join::MAX_ADDRESSES).collect();
        let invited = Invited {
            secret_hash: Code::secret_hash(&secret),
            tier,
            name,
            region: request.region.clone().unwrap_or_default(),
            expires,
            used_by: None,
        };
        self.local.invite(invited).map_err(|error| failure(error.into()))?;
        let code = Code { parent: self.catalogue.id(), addresses, secret, expires, federation };
        Ok(Invitation { code: code.to_code(), expires: rfc3339(expires) })
    }

    /// Issues and publishes a membership; answers with the chain that ends in it.
    pub(super) fn grant(&self, subject: NodeId, tier: Tier, name: &str, region: &str) -> Result<Reply> {
        let (federation, above) = {
            let reading = self.reading()?;
            let above = reading.chain(&self.catalogue.id());
            let above = above.ok_or_else(|| failure(crate::catalogue::CatalogueError::NotAMember))?;
            // The same node asks again: what it has is still good.
            if let Some(known) = reading.find_member(&subject)
                && known.parent() == Some(self.catalogue.id())
                && known.tier == tier
                && known.name == name
                && let Some(chain) = reading.chain(&subject)
            {
                let chain = chain.certificates().iter().map(|c| c.signed().clone()).collect();
                return Ok(Reply::Granted { federation: reading.federation(), chain });
            }
            (reading.federation(), above)
        };
        let time = now();
        let scope = if region.is_empty() { subject.to_string() } else { format!("{region}-{}", short(&subject)) };
        let membership = Membership {
            federation,
            subject,
            tier,
            name: name.to_owned(),
            region: region.to_owned(),
            scope: vec![scope],
            issuer: self.catalogue.id(),
            serial: 0,
            staff_quota: STAFF_QUOTA,
            not_before: time,
            not_after: time.plus_millis(MEMBERSHIP_MILLIS),
        };
        let certificate = self.catalogue.certify(membership).map_err(failure)?;
        self.publish_membership(&certificate)?;
        let chain = above.extended(certificate);
        let chain = chain.certificates().iter().map(|c| c.signed().clone()).collect();
        Ok(Reply::Granted { federation, chain })
    }

    fn publish_membership(&self, certificate: &Certificate) -> Result<()> {
        let statement = Statement {
            key: kapok_library::membership::key(&certificate.membership().subject),
            visibility: Visibility::Federation,
            body: Some(kapok_library::membership::to_body(certificate)),
            person: None,
        };
        self.catalogue.publish(vec![statement], now()).map_err(failure)?;
        self.rounds.announce();
        Ok(())
    }

    pub(super) async fn join(self: &Arc<Self>, request: JoinRequest) -> Result<Joined> {
        const TITLE: &str = "cannot join";
        {
            let reading = self.reading()?;
            if let Some(me) = reading.try_me() {
                return Err(Failure::conflict(
                    TITLE,
                    format!("this node already belongs to a federation, as {}", me.name),
                )
                .remedy("a node joins once; make another with kapok init --home DIR"));
            }
        }
        let (federation, chain, parent) = match request {
            JoinRequest::Code(text) => {
                let code = Code::from_code(&text).map_err(|error| {
                    Failure::invalid(TITLE, format!("that is not an invitation code: {error}"))
                        .remedy("copy the whole line that kapok invite printed")
                })?;
                let request = self.request(Some(code.secret.to_vec()));
                let links = self.links.get().ok_or_else(|| Failure::unavailable(TITLE, "the network is not up yet"))?;
                let reply = links.join(&code, &request).await.map_err(|error| self.join_failure(&code, &error))?;
                let Reply::Granted { federation, chain } = reply else {
                    return Err(Failure::internal(TITLE, "the parent's answer makes no sense"));
                };
                if federation != code.federation {
                    return Err(Failure::invalid(TITLE, join::BadGrant::OtherFederation.to_string())
                        .remedy("ask the parent for a new code"));
                }
                (federation, chain, Some((code.parent, code.addresses)))
            }
            JoinRequest::Grant(text) => {
                let reply = data_encoding::BASE64.decode(text.trim().as_bytes()).ok();
                let reply = reply.and_then(|bytes| minicbor::decode::<Reply>(&bytes).ok());
                let Some(Reply::Granted { federation, chain }) = reply else {
                    return Err(Failure::invalid(TITLE, "that is not a grant file")
                        .remedy("at the parent: kapok invite --request FILE --grant FILE"));
                };
                (federation, chain, None)
            }
        };
        self.blocking(move |app| app.accept(&federation, chain, parent)).await
    }

    fn join_failure(&self, code: &Code, error: &JoinError) -> Failure {
        const TITLE: &str = "cannot join";
        match error {
            JoinError::Refused(join::Refusal::Expired) => {
                let expired = rfc3339(code.expires);
                Failure::invalid(TITLE, format!("the invitation expired on {}", expired.get(..10).unwrap_or(&expired)))
                    .remedy("ask the parent for a new one: kapok invite --tier … --name …")
            }
            JoinError::Refused(refusal) => Failure::invalid(TITLE, refusal.to_string())
                .remedy("ask the parent for a new code: kapok invite --tier … --name …"),
            other => Failure::unavailable(TITLE, other.to_string())
                .remedy("check that the parent is running and can be reached, then try again; the code stays good"),
        }
    }

    /// Takes a granted chain: from here on this node is a member.
    fn accept(&self, federation: &NodeId, chain: Vec<Signed>, parent: Option<(NodeId, Vec<String>)>) -> Result<Joined> {
        let made = self.local.state().made.clone();
        let made = made.ok_or_else(|| {
            Failure::internal("cannot join", "the private journal has lost what this node was made as")
                .remedy("put journal/private back from a backup, or make another node: kapok init --home DIR")
        })?;
        let granted = join::accept(&self.catalogue.id(), made.tier, federation, chain);
        let (member, chain) = granted.map_err(|error| {
            Failure::invalid("cannot join", error.to_string()).remedy("ask the parent for an invitation that fits")
        })?;
        if let Some((node, addresses)) = parent {
            self.local.parent(node, addresses).map_err(|error| failure(error.into()))?;
        }
        let news = chain.certificates().iter().cloned().map(News::Certificate).collect();
        self.catalogue.store(news).map_err(failure)?;
        self.publish_profile()?;
        self.rounds.call_now();
        let parent = member.parent().map(|id| id.to_string()).unwrap_or_default();
        Ok(Joined {
            federation: federation.to_string(),
            parent,
            tier: member.tier.as_str().to_owned(),
            name: member.name,
        })
    }

    fn request(&self, secret: Option<Vec<u8>>) -> Request {
        let made = self.local.state().made.clone();
        let (tier, name, region) =
            made.map_or((Tier::Point, String::new(), String::new()), |m| (m.tier, m.name, m.region));
        Request { subject: self.catalogue.id(), tier, name, region, secret }
    }

    pub(super) fn join_paper(&self) -> Result<JoinPaper> {
        let signed = join::sign_request(self.catalogue.keypair(), &self.request(None));
        let bytes =
            minicbor::to_vec(&signed).map_err(|e| Failure::internal("cannot write a request", e.to_string()))?;
        Ok(JoinPaper { request: data_encoding::BASE64.encode(&bytes) })
    }

    pub(super) fn admit(&self, request: &AdmitRequest) -> Result<Grant> {
        const TITLE: &str = "cannot admit";
        let not_a_request = |detail: String| {
            Failure::invalid(TITLE, detail).remedy("the newcomer makes one with: kapok join --request FILE")
        };
        let bytes = data_encoding::BASE64.decode(request.request.trim().as_bytes()).ok();
        let signed = bytes.and_then(|bytes| minicbor::decode::<Signed>(&bytes).ok());
        let signed = signed.ok_or_else(|| not_a_request("that is not a request file".to_owned()))?;
        let asked = join::read_request(&signed).map_err(|error| not_a_request(error.to_string()))?;
        let tier: Tier = request.tier.parse().map_err(|e: kapok_protocol::membership::NotATier| {
            Failure::invalid(TITLE, e.to_string()).remedy("give one with --tier")
        })?;
        let region = request.region.clone().unwrap_or(asked.region);
        let me = self.reading()?.try_me().map(|me| me.tier);
        if me.is_some_and(|me| tier <= me) {
            return Err(Failure::invalid(TITLE, format!("this node cannot admit a {tier}"))
                .remedy("tiers descend: city, county, school, point"));
        }
        let reply = self.grant(asked.subject, tier, &request.name, &region)?;
        let bytes = minicbor::to_vec(&reply).map_err(|e| Failure::internal(TITLE, e.to_string()))?;
        Ok(Grant { grant: data_encoding::BASE64.encode(&bytes) })
    }

    pub(super) fn revoke(&self, node: &str, request: &RevokeRequest) -> Result<Revoked> {
        const TITLE: &str = "cannot revoke";
        let id: NodeId =
            node.parse().map_err(|e: kapok_protocol::identity::NotANodeId| Failure::invalid(TITLE, e.to_string()))?;
        if request.reason.trim().is_empty() || request.reason.chars().count() > MAX_REASON_CHARS {
            return Err(Failure::invalid(TITLE, format!("a reason has 1 to {MAX_REASON_CHARS} characters"))
                .remedy("give one with --reason"));
        }
        let (name, last) = {
            let reading = self.reading()?;
            let me = reading.try_me().ok_or_else(|| failure(crate::catalogue::CatalogueError::NotAMember))?;
            let member = reading.find_member(&id).ok_or_else(|| {
                Failure::not_found(TITLE, format!("{id} is no member of this federation")).remedy("see kapok members")
            })?;
            if !me.is_ancestor_of(member) {
                return Err(Failure::new(
                    kapok_http::port::FailureKind::Forbidden,
                    TITLE,
                    format!("{} does not stand under this node", member.name),
                )
                .remedy("its parent, county or city can revoke it"));
            }
            (member.name.clone(), reading.last_sequence(&id))
        };
        let body = Revocation { last, reason: request.reason.trim().to_owned() };
        let statement = Statement {
            key: Revocation::key(&id),
            visibility: Visibility::Federation,
            body: Some(body.to_body()),
            person: None,
        };
        self.catalogue.publish(vec![statement], now()).map_err(failure)?;
        self.rounds.announce();
        Ok(Revoked { node: id.to_string(), name, state: "revoked".to_owned(), reason: body.reason })
    }

    pub(super) fn members(&self) -> Result<Members> {
        let linked: Vec<_> = self.links.get().map(|l| l.proven().iter().map(|m| m.id).collect()).unwrap_or_default();
        let resources = self.survey()?.figures.count_by_author(survey::is_open);
        let reading = self.reading()?;
        let narrow = facts::narrow_entries(&reading);
        let time = now();
        let member = |member: &kapok_protocol::membership::Member| {
            let me = member.id == self.catalogue.id();
            let seen = reading.last_said(&member.id);
            let linked = me || linked.contains(&member.id);
            let left = i64::try_from(member.valid_until.0).unwrap_or(i64::MAX) - i64::try_from(time.0).unwrap_or(0);
            Member {
                node: member.id.to_string(),
                name: member.name.clone(),
                tier: member.tier.as_str().to_owned(),
                region: member.region.clone(),
                parent: member.parent().map(|id| id.to_string()),
                valid_until: rfc3339(member.valid_until),
                days_left: left / i64::try_from(DAY_MILLIS).unwrap_or(1),
                revoked: reading.revocation(&member.id).is_some(),
                entries: reading.entries_of(&member.id).saturating_sub(narrow.get(&member.id).copied().unwrap_or(0)),
                resources: resources.get(&member.id).map_or(0, |count| count.resources),
                online: linked || seen.is_some_and(|seen| time.millis_since(seen) < ONLINE_MILLIS),
                last_seen: if linked { Some(rfc3339(time)) } else { seen.map(rfc3339) },
            }
        };
        let mut members: Vec<_> = reading.members().collect();
        members.sort_by_key(|m| (m.path().map(|id| id.0).collect::<Vec<_>>().len(), m.name.clone()));
        let federation = reading.try_federation().map(|id| id.to_string()).unwrap_or_default();
        Ok(Members { federation, members: members.into_iter().map(member).collect() })
    }

    pub(super) async fn peers(self: &Arc<Self>) -> Result<Peers> {
        let Some(links) = self.links.get() else { return Ok(Peers::default()) };
        let connected = links.network().connected().await;
        let proven = links.proven();
        self.blocking(move |app| {
            let reading = app.reading()?;
            let known = app.rounds.known();
            let mut all: std::collections::BTreeSet<NodeId> = known.keys().copied().collect();
            all.extend(proven.iter().map(|member| member.id));
            all.extend(app.local.state().parent.as_ref().map(|(node, _)| *node));
            all.extend(reading.try_me().and_then(kapok_protocol::membership::Member::parent));
            let ledger = app.exchange.get().map(kapok_net::blob::Exchange::ledger).unwrap_or_default();
            all.extend(ledger.keys().copied());
            let peer = |id: NodeId| {
                let (name, tier) = Self::named(&reading, &id);
                let status = connected.iter().find(|status| status.node == id);
                let last = known.get(&id);
                let exchanged = ledger.get(&id).copied().unwrap_or_default();
                let profile = reading.profile(&id).and_then(|profile| profile.addresses.first().cloned());
                let contact = if status.is_some() { Some(now()) } else { last.map(|last| last.at) };
                Peer {
                    node: id.to_string(),
                    name,
                    tier: tier.map(|tier| tier.as_str().to_owned()).unwrap_or_default(),
                    address: status.map(|s| s.address.to_string()).or(profile).unwrap_or_default(),
                    connected: status.is_some() && proven.iter().any(|member| member.id == id),
                    rtt_ms: status.and_then(|s| s.rtt_ms).map(f64::from),
                    rate_bps: last.and_then(super::sync::LastRound::rate_bps),
                    last_contact: contact.map(rfc3339),
                    last_round: last.map(|last| last.peer.clone()),
                    bytes_in: exchanged.bytes_in,
                    bytes_out: exchanged.bytes_out,
                    lan_bytes_in: exchanged.lan_bytes_in,
                    lan_bytes_out: exchanged.lan_bytes_out,
                }
            };
            Ok(Peers { peers: all.into_iter().map(peer).collect() })
        })
        .await
    }

    /// Multiaddrs of this node without its id, the widest reaching first.
    pub(super) fn own_addresses(&self) -> Vec<String> {
        let listening = self.links.get().map(|links| links.network().listen_addresses()).unwrap_or_default();
        let mut texts: Vec<_> = listening
            .iter()
            .map(|address| {
                let text = address.to_string();
                text.split("/p2p/").next().unwrap_or_default().to_owned()
            })
            .collect();
        let near = |text: &str| text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/");
        texts.sort_by_key(|text| (near(text), !text.contains("/quic"), text.clone()));
        texts.dedup();
        texts
    }

    /// Says where this node can be reached, if that has changed.
    pub(super) fn publish_profile(&self) -> Result<()> {
        use kapok_library::profile::{MAX_ADDRESSES, Profile};
        let addresses: Vec<_> = self.own_addresses().into_iter().take(MAX_ADDRESSES).collect();
        let profile = Profile { addresses, agent: super::app::AGENT.to_owned() };
        let known = {
            let reading = self.reading()?;
            if reading.try_me().is_none() {
                return Ok(());
            }
            reading.profile(&self.catalogue.id()).cloned()
        };
        if known.as_ref() == Some(&profile) {
            return Ok(());
        }
        let statement = Statement {
            key: Profile::key(),
            visibility: Visibility::Federation,
            body: Some(profile.to_body()),
            person: None,
        };
        self.catalogue.publish(vec![statement], now()).map_err(failure)?;
        Ok(())
    }
}

fn short(id: &NodeId) -> String {
    data_encoding::HEXLOWER.encode(&id.0[..4])
}
