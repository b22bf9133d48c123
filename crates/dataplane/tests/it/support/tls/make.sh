#!/bin/sh
# Makes the certificates of the tests anew. Nobody trusts them but the tests; the key of the authority is thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days 36500 -subj "/CN=test authority" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -out authority.pem
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out localhost.key
openssl req -new -key localhost.key -subj "/CN=localhost" -out "$work/localhost.csr"
printf 'subjectAltName=DNS:localhost,DNS:weather.mcp.local\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >"$work/extensions"
openssl x509 -req -in "$work/localhost.csr" -CA authority.pem -CAkey "$work/ca.key" -CAcreateserial \
    -days 36500 -extfile "$work/extensions" -out localhost.pem 2>/dev/null
rm -f authority.srl
