//! HMAC-SHA256 signatures (RFC 2104) with a shared secret, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn mac(secret: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC accepts a key of any length; the error is for other algorithms.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// Signature of the concatenated parts, in hexadecimal.
pub fn sign(secret: &str, parts: &[&[u8]]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in mac(secret, parts).finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether the signature is valid; never with an empty secret.
pub(crate) fn is_by(secret: &str, parts: &[&[u8]], signature: &[u8]) -> bool {
    !secret.is_empty() && mac(secret, parts).verify_slice(signature).is_ok()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_rfc_4231_has_it() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", &[b"what do ya want ", b"for nothing?"]), expected);
        assert!(is_by("Jefe", &[b"what do ya want for nothing?"], &from_hex(expected).unwrap()));
        assert!(!is_by("", &[b""], &from_hex(&sign("", &[b""])).unwrap()), "no secret signs nothing");
    }
}
