//! What is wrong with this node, in words for whoever looks at its figures, and in the log when it starts.
//!
//! A damaged place costs itself and nothing else, so the node comes up; but nobody looks for what is gone unless told.

use anyhow::Result;
use kapok_private::accounts::Accounts;
use kapok_private::event::Event;
use kapok_private::setup::SetupCode;
use kapok_store::home::{ExposedKey, Home};
use kapok_store::journal::{Damage, Journal};

use super::app::{App, now};
use super::local::Local;

/// The file in `run/` with a new set-up code, where the accounts are lost.
const SETUP_FILE: &str = "setup";

impl App {
    /// What is wrong, most urgent first; empty on a good day.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if let Some(reason) = self.catalogue.journal().read_only_because() {
            notices.push(format!("磁盘写不进去了，本馆现在只能看：{reason}"));
        }
        notices.extend(private(&self.local.damaged(), self.local.has_lost_its_beginning()));
        if self.setup_is_lost() {
            notices.push(format!("账号都没有了：新的设置码在 run/{SETUP_FILE} 里，只有节点的主人能读"));
        }
        notices.extend(shared(&self.catalogue.journal().damaged()));
        notices.extend(audit(&self.audit.damaged()));
        notices.extend(self.exposed_keys.iter().map(exposed));
        notices
    }

    fn setup_is_lost(&self) -> bool {
        self.local.is_damaged() && self.home.paths().run().join(SETUP_FILE).exists()
    }
}

/// An account event has been kept: with the first account the set-up code is used up.
pub(super) fn account_event_kept(home: &Home, event: &[u8]) {
    if matches!(Event::decode(event), Ok(Event::AccountCreated { .. })) {
        let _ = std::fs::remove_file(home.paths().run().join(SETUP_FILE));
    }
}

fn places(damage: &[Damage]) -> String {
    let bytes: u64 = damage.iter().map(|place| place.to.saturating_sub(place.from)).sum();
    format!("{} 处（{bytes} 字节）", damage.len())
}

fn private(damage: &[Damage], lost_beginning: bool) -> Option<String> {
    let what = match (damage, lost_beginning) {
        ([], false) => return None,
        ([], true) => "开头的一段没有了".to_owned(),
        (damage, _) => format!("损坏了 {}", places(damage)),
    };
    let name = if lost_beginning { "，连建馆时的名称和级别也没有了" } else { "" };
    Some(format!(
        "本馆自己的记录{what}{name}。里面是账号、订阅和邀请：请核对，少了的重新建；\
         有备份的，停下节点，用备份换回 journal/private"
    ))
}

fn shared(damage: &[Damage]) -> Option<String> {
    let places = (!damage.is_empty()).then(|| places(damage))?;
    Some(format!(
        "目录日志损坏了 {places}，那里的记录跳过了。别的馆的记录会重新同步过来；\
         本馆发布的请核对，少了的重新添加，或者停下节点，用备份换回 journal/shared"
    ))
}

fn audit(damage: &[Damage]) -> Option<String> {
    let places = (!damage.is_empty()).then(|| places(damage))?;
    Some(format!("审计日志损坏了 {places}，那几条没有了，其余还在。请检查磁盘；完整的在备份里"))
}

fn exposed(key: &ExposedKey) -> String {
    let name = key.path.file_name().unwrap_or_default().to_string_lossy();
    let done = if key.closed {
        "已改为只有主人能读"
    } else {
        "改不了，请手动改为只有主人能读（chmod 600）"
    };
    format!("密钥 keys/{name} 曾经是别人也能读的，{done}；如果有人复制过，请上级撤销本馆再重新加入")
}

/// Says in the log what is damaged. Errors, so that a command without a daemon says it too.
pub(super) fn log_damage(home: &Home, local: &Local, shared: &Journal, audit: &Journal) {
    let say = |folder: std::path::PathBuf, damage: &[Damage], lost: &str| {
        if !damage.is_empty() {
            let bytes: u64 = damage.iter().map(|place| place.to.saturating_sub(place.from)).sum();
            tracing::error!(journal = %folder.display(), places = damage.len(), bytes, "damaged; {lost}");
        }
    };
    let paths = home.paths();
    say(
        paths.private_journal(),
        &local.damaged(),
        "accounts, subscriptions or invitations are lost: check them, or put the folder back from a backup",
    );
    say(
        paths.shared_journal(),
        &shared.damaged(),
        "what other nodes published comes again by itself; add your own again, or put the folder back from a backup",
    );
    say(paths.audit_journal(), &audit.damaged(), "some records of the audit trail are lost; a backup has them");
    if local.has_lost_its_beginning() {
        tracing::error!(
            journal = %paths.private_journal().display(),
            "lost what this node was made as; accounts and subscriptions may be lost too: put the folder back from a backup"
        );
    }
}

/// Gives a node whose accounts are lost a new set-up code, which only its owner can read: without one nobody could ever
/// make an account again.
pub(super) fn restore_setup(home: &Home, local: &Local) -> Result<()> {
    let file = home.paths().run().join(SETUP_FILE);
    let events: Vec<Event> = local.account_events()?.iter().filter_map(|bytes| Event::decode(bytes).ok()).collect();
    if Accounts::of(&events).is_set_up() || !local.is_damaged() {
        // Of an earlier loss; it is worth nothing any more.
        let _ = std::fs::remove_file(file);
        return Ok(());
    }
    if file.exists() {
        return Ok(());
    }
    let (code, event) = SetupCode::issue(rand::random(), now().0);
    home.write_run_file(SETUP_FILE, format!("{code}\n").as_bytes())?;
    local.append_account(event.encode())?;
    tracing::error!(file = %file.display(), "the accounts are lost; a new set-up code is in this file");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Damage = Damage { from: 100, to: 130 };

    #[test]
    fn a_good_day_has_no_notices() {
        assert_eq!((private(&[], false), shared(&[]), audit(&[])), (None, None, None));
    }

    #[test]
    fn damage_is_said_with_what_is_lost_and_what_to_do() {
        let notices = [
            private(&[PLACE], false),
            private(&[], true),
            private(&[PLACE, PLACE], true),
            shared(&[PLACE]),
            audit(&[PLACE]),
        ];
        for notice in notices {
            let notice = notice.expect("damage has a notice");
            assert!(notice.contains("备份"), "{notice}");
        }
        assert!(shared(&[PLACE, PLACE]).is_some_and(|notice| notice.contains("2 处（60 字节）")));
    }
}
