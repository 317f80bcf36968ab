//! eMAID, PCID and SECC id: how they are written, and the eMAID's check digit.

use ctl_pki::identifier::{is_emaid, is_pcid, is_secc_id};

use super::requirement::Identifier;

/// Whether the text is written as such an identifier, as OPCP 1.0 reads them.
pub(super) fn is_written_as(text: &str, identifier: Identifier) -> bool {
    match identifier {
        Identifier::Emaid => is_emaid(text),
        Identifier::Pcid => is_pcid(text),
        Identifier::SeccId => is_secc_id(text),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_the_one_that_was_published() {
        // From the mobilityid library's public test data; interop/ holds the function against all of it.
        for (first, digit) in [("NN123ABCDEFGHI", 'T'), ("DE83DUIEN83QGZ", 'D'), ("DE8AA001234567", '0')] {
            assert_eq!(emaid_check_digit(first), Some(digit), "{first}");
        }
        assert_eq!(emaid_check_digit("DE8AA00123456"), None);
        assert_eq!(emaid_check_digit("de8aa001234567"), None);
    }
}
