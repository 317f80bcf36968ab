//! The check digits that others published for eMAIDs. They are not ours to ship: the folder that holds them is named
//! by the environment variable CTL_SHARED.

use std::path::PathBuf;

use ctl_policy::profile::emaid_check_digit;

#[test]
#[ignore = "needs CTL_SHARED; interop/run runs it"]
fn every_published_check_digit_is_ours() {
    let shared =
        std::env::var_os("CTL_SHARED").expect("CTL_SHARED names the folder with emaid-check-digits.csv");
    let text = std::fs::read_to_string(PathBuf::from(shared).join("emaid-check-digits.csv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("emaid14"));
    let mut vectors = 0;
    for (first, digit) in rows.filter_map(|row| row.trim().split_once(',')) {
        assert_eq!(emaid_check_digit(first).map(String::from).as_deref(), Some(digit), "{first}");
        vectors += 1;
    }
    assert!(vectors >= 8, "only {vectors} vectors");
}
