#!/bin/sh
# make.sh DIR makes a test PKI in DIR with the openssl command: root on brainpoolP384r1, Sub-CA on brainpoolP256r1, and
# per partner a certificate for signature, encryption and TLS with the subject rules of the SM-PKI. Everything is valid
# for a hundred years, so that recorded messages can be read as long as this program lives.
set -eu
dir=$1
mkdir -p "$dir/crl" "$dir/ca"
cd "$dir"

cat >ca/openssl.cnf <<'EOF'
[ca]
default_ca = sub
[root]
database = ca/root.index
crlnumber = ca/root.number
default_md = sha384
default_crl_days = 36500
[sub]
policy = any
serial = ca/sub.serial
new_certs_dir = ca
database = ca/sub.index
crlnumber = ca/sub.number
default_md = sha256
default_crl_days = 36500
[any]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
serialNumber = optional
[crl]
authorityKeyIdentifier = keyid:always
[ca_root]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca_sub]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[signature]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = email:as4@example.invalid, URI:https://as4.example.invalid/as4
[encryption]
basicConstraints = critical, CA:FALSE
keyUsage = critical, keyEncipherment, keyAgreement
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = email:as4@example.invalid, URI:https://as4.example.invalid/as4
[tls]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = email:as4@example.invalid, URI:https://as4.example.invalid/as4, DNS:localhost
EOF

# key FILE CURVE
key() { openssl ecparam -name "$2" -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

# leaf NAME USAGE OU CN
leaf() {
  mkdir -p "$1"
  key "$1/$2.key" brainpoolP256r1
  openssl req -new -key "$1/$2.key" -subj "/C=DE/O=SM-Test-PKI-DE/OU=$3/CN=$4/serialNumber=1" -out ca/leaf.csr
  openssl x509 -req -in ca/leaf.csr -CA ca/sub.pem -CAkey ca/sub.key -sha256 -days 36500 -extfile ca/openssl.cnf \
    -extensions "$2" -set_serial "0x$(openssl rand -hex 15)" -out ca/leaf.pem 2>/dev/null
  cat ca/leaf.pem ca/sub.pem >"$1/$2.pem"
}

: >ca/root.index; : >ca/sub.index; echo "unique_subject = no" >ca/sub.index.attr; echo 01 >ca/root.number; echo 01 >ca/sub.number; echo 1000 >ca/sub.serial

key ca/root.key brainpoolP384r1
openssl req -new -key ca/root.key -subj "/C=DE/O=SM-Test-PKI-DE/CN=SM-Test-Root.CA/serialNumber=1" -out ca/root.csr
openssl x509 -req -in ca/root.csr -signkey ca/root.key -sha384 -days 36500 -extfile ca/openssl.cnf -extensions ca_root -out root.pem 2>/dev/null
key ca/sub.key brainpoolP256r1
openssl req -new -key ca/sub.key -subj "/C=DE/O=SM-Test-PKI-DE/CN=Marktbote-Test.CA/serialNumber=1" -out ca/sub.csr
openssl x509 -req -in ca/sub.csr -CA root.pem -CAkey ca/root.key -sha384 -days 36500 -extfile ca/openssl.cnf -extensions ca_sub \
  -set_serial 1 -out ca/sub.pem 2>/dev/null

for id in 9900000000001 9800000000002; do
  for usage in signature encryption tls; do leaf "$id" "$usage" "$id" "partner-$id.EMT.MAK"; done
done
leaf wrong-ou signature 9900000000099 "partner-9900000000099.EMT.MAK"
leaf revoked signature 9900000000001 "partner-9900000000001.EMT.MAK"
leaf expired signature 9900000000001 "partner-9900000000001.EMT.MAK"

# Only "openssl ca" can set an end in the past; it signs the request of the certificate made above once more.
openssl req -new -key expired/signature.key -subj "/C=DE/O=SM-Test-PKI-DE/OU=9900000000001/CN=partner-9900000000001.EMT.MAK/serialNumber=1" -out ca/leaf.csr
openssl ca -batch -notext -config ca/openssl.cnf -name sub -cert ca/sub.pem -keyfile ca/sub.key -startdate 20200101000000Z \
  -enddate 20220101000000Z -extensions signature -in ca/leaf.csr -out ca/leaf.pem 2>/dev/null
cat ca/leaf.pem ca/sub.pem >expired/signature.pem
openssl ca -config ca/openssl.cnf -name sub -cert ca/sub.pem -keyfile ca/sub.key -revoke revoked/signature.pem 2>/dev/null
openssl ca -config ca/openssl.cnf -name sub -cert ca/sub.pem -keyfile ca/sub.key -gencrl -crlexts crl -out crl/sub.pem 2>/dev/null
openssl ca -config ca/openssl.cnf -name root -cert root.pem -keyfile ca/root.key -gencrl -crlexts crl -out crl/root.pem 2>/dev/null
cp ca/sub.pem sub.pem
rm -r ca
