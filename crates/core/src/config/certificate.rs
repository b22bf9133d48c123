//! Certificates in PEM form: enough of a look to know that TLS will take them as trust anchors. Whether they are in date
//! and whom they sign for is asked when a connection is made.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Certificates in one bundle; the trust stores of operating systems hold some 150.
const CERTIFICATES_MAX: usize = 1_000;

/// Checks that `pem` holds at least one certificate, that each can be read, and that no private key stands beside them.
pub(super) fn check_pem(pem: &str) -> Result<(), String> {
    if pem.contains("PRIVATE KEY-----") {
        return Err("must hold certificates only, but there is a private key in it".to_owned());
    }
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        count += 1;
        if count > CERTIFICATES_MAX {
            return Err(format!("must hold at most {CERTIFICATES_MAX} certificates"));
        }
        let Ok(der) = certificate else {
            return Err(format!("must be PEM, but certificate {count} is cut or garbled"));
        };
        if let Err(error) = webpki::anchor_from_trusted_cert(&der) {
            return Err(format!("certificate {count} is not an X.509 certificate: {error}"));
        }
    }
    if count == 0 {
        return Err("must be PEM: there is no -----BEGIN CERTIFICATE----- in it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_pem;

    /// A certificate authority that signed itself, made for this test; its key no longer exists.
    const AUTHORITY: &str = include_str!("../../tests/fixtures/authority.pem");

    #[test]
    fn certificates_are_looked_into() {
        let check = |pem: &str, expect: Result<(), &str>| {
            let result = check_pem(pem);
            match expect {
                Ok(()) => assert_eq!(result, Ok(()), "{pem}"),
                Err(part) => {
                    let refusal = result.expect_err(pem);
                    assert!(refusal.contains(part), "{refusal}");
                }
            }
        };
        check(AUTHORITY, Ok(()));
        check(&format!("# a comment\n{AUTHORITY}\n{AUTHORITY}"), Ok(()));
        check("", Err("no -----BEGIN CERTIFICATE-----"));
        check("MIIB", Err("no -----BEGIN CERTIFICATE-----"));
        check(&AUTHORITY.replace("-----END", "----"), Err("certificate 1 is cut or garbled"));
        check(
            &format!("{AUTHORITY}-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"),
            Err("certificate 2 is cut or garbled"),
        );
        check(
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
            Err("certificate 1 is not an X.509 certificate"),
        );
        let key = "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n";
        check(&format!("{AUTHORITY}{key}"), Err("private key"));
    }
}
