//! How the field writes what a leaf's common name identifies: eMAID, PCID, SECC id.
//!
//! Read as OPCP 1.0 reads them (its regular expressions, secondary for ISO 15118 and VDE-AR-E 2802-100-1): letters of
//! either case, and separators where it allows them. What production asks beyond that is for profiles to say.

/// Whether the text is written as an eMAID: `^[A-Za-z]{2}-?\w{3}-?\w{9}-?\w?$`.
pub fn is_emaid(text: &str) -> bool {
    let Some((country, mut rest)) = text.split_at_checked(2) else { return false };
    for length in [3, 9] {
        let Some((part, after)) = strip(rest, '-').split_at_checked(length) else { return false };
        if !part.bytes().all(is_word) {
            return false;
        }
        rest = after;
    }
    let digit = strip(rest, '-');
    is_country(country) && digit.len() <= 1 && digit.bytes().all(is_word)
}

/// Whether the text is written as a PCID: `^[a-zA-Z0-9]{17,18}$`. The first three characters are the maker's WMI.
pub fn is_pcid(text: &str) -> bool {
    matches!(text.len(), 17 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the text is written as the id of a charger's communication controller or of an EVSE: country, operator of
/// three, `S` (ISO 15118-20) or `E` (ISO 15118-2), number; with hyphens, with asterisks, or with neither; at most 39
/// characters without them.
pub fn is_secc_id(text: &str) -> bool {
    let separators: &[char] = &['-', '*'];
    let plain: String = text.chars().filter(|character| !separators.contains(character)).collect();
    let edges = text.starts_with(separators) || text.ends_with(separators);
    let mixed = text.contains('-') && text.contains('*');
    let kind = plain.as_bytes().get(5);
    !(edges || mixed)
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && plain.get(..2).is_some_and(is_country)
        && matches!(kind, Some(b'S' | b'E'))
        && (7..=39).contains(&plain.len())
}

/// The check digit of an eMAID's first 14 characters; `None` when they are not 14 capital letters and digits.
///
/// Each character is a vector over two elements and one over three; the check digit makes the sums of these
/// vectors, each multiplied by the power of a matrix that its position gives, zero (eMI3, "Check Digit Calculation
/// for Contract-IDs"; the constants are secondary, from the open-source mobilityid libraries, and are held
/// against their published vectors).
pub fn emaid_check_digit(first: &str) -> Option<char> {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if first.len() != 14 {
        return None;
    }
    let (mut two, mut three) = ([0_usize; 2], [0_usize; 2]);
    for (position, byte) in first.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        let binary = power([[0, 1], [1, 1]], position + 1, 2);
        let ternary = power([[0, 1], [1, 2]], position + 1, 3);
        two = add(two, times([value / 18, value / 9 % 2], binary), 2);
        three = add(three, times([value % 9 / 3, value % 3], ternary), 3);
    }
    // The 15th power of the first matrix is one, so its sum is the digit's vector; the second sum is multiplied by
    // the inverse of that power and negated.
    let [high, low] = times(three, [[0, 2], [2, 1]]);
    let [upper, lower] = two;
    let value = 18 * upper + 9 * lower + 3 * (high % 3) + low % 3;
    ALPHABET.get(value).copied().map(char::from)
}

type Matrix = [[usize; 2]; 2];

fn times([first, second]: [usize; 2], [[a, b], [c, d]]: Matrix) -> [usize; 2] {
    [first * a + second * c, first * b + second * d]
}

fn add([a, b]: [usize; 2], [c, d]: [usize; 2], modulus: usize) -> [usize; 2] {
    [(a + c) % modulus, (b + d) % modulus]
}

fn power(matrix: Matrix, exponent: usize, modulus: usize) -> Matrix {
    let multiply = |[first, second]: Matrix| {
        let reduce = |[a, b]: [usize; 2]| [a % modulus, b % modulus];
        [reduce(times(first, matrix)), reduce(times(second, matrix))]
    };
    (1..exponent).fold(matrix, |product, _| multiply(product))
}

fn strip(text: &str, separator: char) -> &str {
    text.strip_prefix(separator).unwrap_or(text)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// `\w` of a regular expression.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers_are_known_by_how_opcp_writes_them() {
        for (text, expected) in [
            ("DE8AAC12345678", true),
            ("DE8AAC123456780", true),
            ("DE-8AA-C12345678-0", true),
            ("TUAABcAz2BK7JRa", true),
            ("EMP77TWTW00002", true),
            ("D18AAC12345678", false),
            ("DE8AAC1234567", false),
            ("DE8AAC12345678-", true),
            ("DE8AAC1234567800", false),
            ("DE--8AAC12345678", false),
            ("DÉ8AAC12345678", false),
        ] {
            assert_eq!(is_emaid(text), expected, "{text}");
        }
        for (text, expected) in [
            ("DEHUBCOPNCPROVCER", true),
            ("huboemprovcqa0615", true),
            ("DEHUBCOPNCPROVCERT", true),
            ("DEHUBCOPNCPROVCE", false),
            ("DE-UBCOPNCPROVCER", false),
        ] {
            assert_eq!(is_pcid(text), expected, "{text}");
        }
        for (text, expected) in [
            ("DE-ICE-S-00003C4D557878675645330967543476-2", true),
            ("DEICES00012345", true),
            ("DEABCE12345", true),
            ("DE*ICE*E45B*78C", true),
            ("DE*ICE-E45B", false),
            ("charger-17", false),
            ("charger-17.example", false),
            ("DEICEX0001", false),
        ] {
            assert_eq!(is_secc_id(text), expected, "{text}");
        }
    }

    #[test]
    fn the_check_digit_is_the_one_that_was_published() {
        // From the mobilityid library's public test data; interop/ holds the function against all of it.
        for (first, digit) in [("NN123ABCDEFGHI", 'T'), ("DE83DUIEN83QGZ", 'D'), ("DE8AA001234567", '0')] {
            assert_eq!(emaid_check_digit(first), Some(digit), "{first}");
        }
        assert_eq!(emaid_check_digit("DE8AA00123456"), None);
        assert_eq!(emaid_check_digit("de8aa001234567"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = (is_emaid(&text), is_pcid(&text), is_secc_id(&text));
        }
    }
}
