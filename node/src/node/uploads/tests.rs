//! Who may begin an upload: nobody is kept from it by another person's.
#![allow(clippy::unwrap_used)]

use kapok_private::{AccountId, Roles};

use super::*;
use crate::node::testing::TestNode;

fn teacher(number: u8) -> Viewer {
    Viewer::Account { id: AccountId([number; 16]), name: format!("老师{number}"), roles: Roles::default() }
}

fn request() -> UploadRequest {
    UploadRequest { name: "课件.pptx".to_owned(), size: 1 }
}

impl TestNode {
    /// Uploads that somebody has begun and left.
    fn open_uploads(&self, viewer: &Viewer, count: usize) {
        for number in 0..count {
            let token = format!("{}x{number}", owner(viewer));
            self.app.begin(viewer, &token, "课件.pptx", 1).unwrap();
            std::fs::write(self.app.home.paths().staging().join(format!("{token}.upload")), "").unwrap();
        }
    }

    fn form(&self, viewer: &Viewer, content: &'static [u8]) -> Result<Upload> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.app.receive_upload(viewer, "教案.docx", 100, Box::pin(content)))
    }
}

#[test]
fn one_persons_uploads_keep_that_person_from_more_and_nobody_else() {
    let node = TestNode::new();
    node.open_uploads(&teacher(1), MAX_OPEN - 1);
    node.form(&teacher(1), b"the last one").unwrap();
    let refused =
        [node.app.create_upload(&teacher(1), &request()).unwrap_err(), node.form(&teacher(1), b"x").unwrap_err()];
    for refused in refused {
        assert!(refused.detail.contains("1000 uploads of yours"), "{refused:?}");
    }
    node.app.create_upload(&teacher(2), &request()).unwrap();
    node.form(&teacher(2), b"by a form").unwrap();
    // One less, and there is room again.
    node.app.discard_upload(&teacher(1), &format!("{}x0", owner(&teacher(1)))).unwrap();
    node.app.create_upload(&teacher(1), &request()).unwrap();
}

#[test]
fn all_people_together_have_a_bound() {
    let node = TestNode::new();
    let staging = node.app.home.paths().staging();
    for number in 0..MAX_OPEN_TOGETHER {
        std::fs::write(staging.join(format!("{number}.upload")), "").unwrap();
    }
    let refused = node.app.create_upload(&teacher(1), &request()).unwrap_err();
    assert!(refused.detail.contains("20000 uploads of all people"), "{refused:?}");
    assert!(node.form(&teacher(1), b"x").is_err());
}

#[test]
fn a_form_that_is_refused_leaves_nothing() {
    let node = TestNode::new();
    for content in [&b""[..], &[7; 101]] {
        node.form(&teacher(1), content).unwrap_err();
    }
    assert_eq!(std::fs::read_dir(node.app.home.paths().staging()).unwrap().count(), 0);
}
