//! Whether another user, as whom the program that reads a store runs, may read a file there: by owner, group and mode of
//! the file and of each directory on the way. Access lists and security modules are not asked.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// At most so many links are followed.
const MAX_LINKS: usize = 40;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The name, or the number as text.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The numbers of its groups.
    pub groups: BTreeSet<u32>,
}

impl Reader {
    /// The user with this name, or number, or number and group's number (`1000:1000`), by the contents of `/etc/passwd`
    /// and `/etc/group`. Users of a directory service are known by number only.
    ///
    /// # Errors
    /// There is none.
    pub fn find(text: &str, passwd: &str, group: &str) -> Result<Self, String> {
        let (user, own_group) =
            text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let number: Option<u32> = user.parse().ok();
        let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| {
            let [name, _, uid, gid, ..] = fields.as_slice() else { return None };
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            (*name == user || number == Some(uid)).then(|| ((*name).to_owned(), uid, gid))
        });
        let unknown = || {
            format!("there is no user {user:?} in /etc/passwd: write its number and its group's, 1000:1000")
        };
        let (name, uid, gid) = match (entry, number) {
            (Some((name, uid, gid)), _) => (name, uid, Some(gid)),
            (None, Some(uid)) => (user.to_owned(), uid, None),
            (None, None) => return Err(unknown()),
        };
        let mut groups: BTreeSet<u32> = gid.into_iter().collect();
        if let Some(text) = own_group {
            groups.insert(text.parse().map_err(|_| format!("{text:?} is no number of a group"))?);
        }
        for line in group.lines() {
            if let [_, _, gid, members, ..] = line.split(':').collect::<Vec<_>>().as_slice()
                && members.split(',').any(|member| member == name)
            {
                groups.extend(gid.parse::<u32>());
            }
        }
        Ok(Self { name, uid, groups })
    }

    /// Whether this user has the permission `bit` (4 to read, 1 to pass through).
    fn may(&self, of: &Metadata, bit: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if of.uid() == self.uid => 6,
            () if self.groups.contains(&of.gid()) => 3,
            () => 0,
        };
        of.mode() >> shift & bit == bit
    }

    /// What keeps this user from reading the file at a path; none if nothing does.
    #[must_use]
    pub fn hindrance(&self, path: &Path) -> Option<(String, String)> {
        let way = way(path);
        let (file, folders) = way.split_last()?;
        for (at, bit, what, remedy) in folders
            .iter()
            .map(|folder| (folder, 1, "may not pass through", "chmod o+x"))
            .chain([(file, 4, "may not read", "chmod o+r")])
        {
            let place = at.display();
            match std::fs::metadata(at) {
                Ok(found) if self.may(&found, bit) => {}
                Ok(found) => {
                    return Some((
                        format!(
                            "user {} {what} {place}, which belongs to {}:{} with mode {:04o}",
                            self.name,
                            found.uid(),
                            found.gid(),
                            found.mode() & 0o7777
                        ),
                        format!("{remedy} '{place}', or give it to a group of that user"),
                    ));
                }
                Err(error) => return Some((format!("{place} cannot be looked at: {error}"), String::new())),
            }
        }
        None
    }
}

/// Every directory on the way to a file, through links, and the file last.
fn way(path: &Path) -> Vec<PathBuf> {
    let names = |path: &Path| -> Vec<OsString> {
        path.components().map(|component| component.as_os_str().to_owned()).collect()
    };
    let mut todo: VecDeque<OsString> = names(path).into();
    let (mut at, mut passed, mut links) = (PathBuf::from("/"), vec![PathBuf::from("/")], 0);
    while let Some(name) = todo.pop_front() {
        match Path::new(&name).components().next() {
            Some(Component::RootDir) => at = PathBuf::from("/"),
            Some(Component::ParentDir) => {
                at.pop();
            }
            Some(Component::Normal(_)) => {
                let next = at.join(&name);
                match std::fs::read_link(&next) {
                    Ok(target) if links < MAX_LINKS => {
                        links += 1;
                        names(&target).into_iter().rev().for_each(|name| todo.push_front(name));
                    }
                    _ => {
                        passed.push(next.clone());
                        at = next;
                    }
                }
            }
            _ => {}
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\neverest:x:991:991::/:/bin/false\nbroken\n";
    const GROUP: &str = "certs:x:77:everest,other\nothers:x:78:other\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let everest = Reader::find("everest", PASSWD, GROUP).unwrap();
        assert_eq!((everest.uid, everest.groups.clone()), (991, [77, 991].into()));
        assert_eq!(Reader::find("991", PASSWD, GROUP).unwrap(), everest);
        assert_eq!(Reader::find("5000:77", PASSWD, GROUP).unwrap().groups, [77].into());
        assert!(Reader::find("nobody-here", PASSWD, GROUP).unwrap_err().contains("nobody-here"));
        assert!(Reader::find("1:x", PASSWD, GROUP).is_err());
    }

    #[test]
    fn what_is_in_the_way_is_named_through_links_too() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let mode = |name: &str, mode| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("", 0o755);
        std::fs::create_dir(at("ours")).unwrap();
        std::fs::write(at("ours/file"), "x").unwrap();
        symlink("ours/file", at("link")).unwrap();
        mode("ours", 0o755);
        mode("ours/file", 0o644);
        let stranger = Reader { name: "stranger".into(), uid: 4_000_000, groups: BTreeSet::new() };
        let said = |reader: &Reader| reader.hindrance(&at("link")).map(|(problem, _)| problem);
        // Whether one may come here at all is this machine's business.
        if said(&stranger).is_none() {
            mode("ours/file", 0o640);
            assert!(said(&stranger).unwrap().contains("may not read"));
            mode("ours/file", 0o644);
            mode("ours", 0o700);
            let told = said(&stranger).unwrap();
            assert!(told.contains("may not pass through") && told.contains("ours, which"), "{told}");
            mode("ours", 0o755);
        }
        assert_eq!(said(&Reader { name: "root".into(), uid: 0, groups: BTreeSet::new() }), None);
        symlink("circle", at("circle")).unwrap();
        assert!(stranger.hindrance(&at("circle")).is_some());
    }
}
