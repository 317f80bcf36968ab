//! Whose sockets they are, and as whom the program goes on: sockets are opened as the user who owns the charging stack, and
//! then nothing is left but an own user. All of it before there is a second thread: the kernel keeps users by thread.

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: Uid,
    pub gid: Gid,
    /// The groups that it belongs to beside that.
    pub groups: Vec<Gid>,
}

impl User {
    /// By name, or by number.
    ///
    /// # Errors
    /// There is none, in words.
    pub fn named(name: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(USERS).map_err(|error| format!("{USERS}: {error}"))?;
        let groups = std::fs::read_to_string(GROUPS).unwrap_or_default();
        Self::find(&text, &groups, name).ok_or_else(|| format!("there is no user {name:?} in {USERS}"))
    }

    /// From the texts of both files.
    #[must_use]
    pub fn find(users: &str, groups: &str, name: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let parts: Vec<&str> = line.split(':').collect();
            let [user, _, uid, gid, ..] = parts.as_slice() else { return None };
            let is_it = *user == name || *uid == name;
            let raw = |text: &str| text.parse::<u32>().ok();
            if !is_it {
                return None;
            }
            let groups = groups.lines().filter_map(|line| {
                let parts: Vec<&str> = line.split(':').collect();
                let [_, _, gid, members] = parts.as_slice() else { return None };
                members.split(',').any(|member| member == *user).then(|| raw(gid).map(Gid::from_raw))?
            });
            Some(Self {
                uid: Uid::from_raw(raw(uid)?),
                gid: Gid::from_raw(raw(gid)?),
                groups: groups.collect(),
            })
        })
    }
}

/// Whether this process is root's.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Does something as another user, and is root again.
///
/// # Errors
/// Users cannot be changed, in words; what the function says.
pub fn opened_by<T>(owner: Option<User>, open: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let Some(owner) = owner.filter(|owner| owner.uid != geteuid()) else { return open() };
    let failed = |error: rustix::io::Errno| {
        format!("open sockets as user {}: {error}; start as root, or as that user", owner.uid.as_raw())
    };
    set_thread_res_uid(None, owner.uid, None).map_err(failed)?;
    let opened = open();
    set_thread_res_uid(None, Uid::ROOT, None).map_err(failed)?;
    opened
}

/// Becomes this user if one is named, and gives up every capability, for good.
///
/// # Errors
/// In words. Nobody goes on then.
pub fn give_up(user: Option<User>) -> Result<(), String> {
    let failed = |error: rustix::io::Errno| format!("give up privileges: {error}");
    if let Some(User { uid, gid, groups }) = user.filter(|user| is_root() || user.uid != geteuid()) {
        set_thread_groups(&groups).map_err(failed)?;
        set_thread_res_gid(gid, gid, gid).map_err(failed)?;
        set_thread_res_uid(uid, uid, uid).map_err(failed)?;
    }
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    // Older kernels know no ambient set, and then there is nothing in it.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, sets).map_err(failed)?;
    set_no_new_privs(true).map_err(failed)
}
