//! The cryptography of tokens for `jsonwebtoken`: ES256 over p256, which is in the tree anyway, and nothing else. The
//! crate's own providers bring RSA or a second library.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use p256::ecdsa::signature::{Error, Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::DecodePrivateKey as _;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Used for the crate's own JWKs only, which are not used here.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has the crate use it. Again and again changes nothing.
pub(super) fn install() {
    // It fails if there is one: this one, as nobody else installs any.
    let _ = PROVIDER.install_default();
}

struct Es256<K>(K);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::ES256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let key = SigningKey::from_pkcs8_der(key.as_bytes()).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    Ok(Box::new(Es256(key)))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::ES256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let key =
        VerifyingKey::from_sec1_bytes(key.try_get_as_bytes()?).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    Ok(Box::new(Es256(key)))
}

impl Signer<Vec<u8>> for Es256<SigningKey> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signature: Signature = self.0.try_sign(message)?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl JwtSigner for Es256<SigningKey> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Verifier<Vec<u8>> for Es256<VerifyingKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.0.verify(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Es256<VerifyingKey> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}
