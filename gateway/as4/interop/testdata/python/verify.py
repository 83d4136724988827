#!/usr/bin/python3
"""Verifies AS4 messages of the BDEW profile with lxml (libxml2) and cryptography (OpenSSL).

verify.py user PKI OWN REQUEST                  decrypts for the partner OWN and verifies a user message
verify.py receipt PKI SIGNER RECEIPT REQUEST    verifies a receipt of the partner SIGNER and compares it with the request
verify.py versions

PKI is a directory as made by ../pki/make.sh, REQUEST and RECEIPT are HTTP messages in files (head, empty line, body).
Prints one JSON object; a message that fails gives {"error": ...} and exit code 1.
"""
import base64, datetime, gzip, hashlib, json, re, sys
from email.message import Message
from urllib.parse import unquote

import cryptography
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from lxml import etree

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "eb": "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "dsig11": "http://www.w3.org/2009/xmldsig11#",
    "xenc": "http://www.w3.org/2001/04/xmlenc#",
    "xenc11": "http://www.w3.org/2009/xmlenc11#",
    "ec": "http://www.w3.org/2001/10/xml-exc-c14n#",
    "ebbp": "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0",
}
SWA = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#"
EXC = NS["ec"]


class Bad(Exception):
    """What is wrong with a message."""


def check(ok, text):
    if not ok:
        raise Bad(text)


def one(element, path, what=None):
    found = element.xpath(path, namespaces=NS)
    check(len(found) == 1, "%d of %s" % (len(found), what or path))
    return found[0]


def raw(text):
    return base64.b64decode("".join(text.split()), validate=True)


# --- HTTP and MIME ---

def headers(block):
    m = Message()
    for line in re.sub(rb"\r\n[ \t]+", b" ", block).split(b"\r\n"):
        name, _, value = line.partition(b":")
        m[name.decode("ascii")] = value.strip().decode("latin-1")
    return m


def read(path):
    """Gives the envelope and the other parts of an HTTP message by Content-ID."""
    data = open(path, "rb").read()
    head, _, body = data.partition(b"\r\n\r\n")
    head = headers(head.partition(b"\r\n")[2])
    check(int(head["Content-Length"]) == len(body), "Content-Length")
    if head.get_content_type() == "application/soap+xml":
        return parse(body), {}
    check(head.get_content_type() == "multipart/related", "Content-Type " + head["Content-Type"])
    check(head.get_param("type") == "application/soap+xml", "type parameter")
    delimiter = b"\r\n--" + head.get_param("boundary").encode("ascii")
    pieces = (b"\r\n" + body).split(delimiter)
    check(pieces[-1].startswith(b"--"), "closing boundary")
    envelope, parts = None, {}
    for piece in pieces[1:-1]:
        h, _, content = piece[2:].partition(b"\r\n\r\n")
        h = headers(h)
        check(h.get("Content-Transfer-Encoding", "binary").lower() in ("binary", "8bit"), "Content-Transfer-Encoding")
        if envelope is None:
            check(h.get_content_type() == "application/soap+xml", "root part")
            if head.get_param("start"):
                check(h["Content-ID"] == head.get_param("start"), "start parameter")
            envelope = parse(content)
        else:
            check(h.get_content_type() == "application/octet-stream", "type of a part: %s" % h.get_content_type())
            parts[h["Content-ID"].strip("<>")] = content
    return envelope, parts


def parse(data):
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(data, parser)


# --- WS-Security ---

def c14n(element, method):
    prefixes = method.xpath("ec:InclusiveNamespaces/@PrefixList", namespaces=NS)
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False,
                          inclusive_ns_prefixes=prefixes[0].split() if prefixes else None)


def certificates(der):
    """The certificates of a PkiPath: a SEQUENCE of certificates, issuer first."""
    def element(at):
        n, start = der[at + 1], at + 2
        if n & 0x80:
            start += n & 0x7F
            n = int.from_bytes(der[at + 2:start], "big")
        return start, start + n
    check(der[0] == 0x30, "PkiPath")
    at, end = element(0)
    check(end == len(der), "length of the PkiPath")
    path = []
    while at < end:
        _, after = element(at)
        path.append(x509.load_der_x509_certificate(der[at:after]))
        at = after
    return path


def verify_path(pki, path):
    above = x509.load_pem_x509_certificate(open(pki + "/root.pem", "rb").read())
    if path[0] == above:
        path = path[1:]
    for c in path:
        check(c.not_valid_before <= datetime.datetime.utcnow() <= c.not_valid_after, "validity of %s" % c.subject.rfc4514_string())
        check(c.issuer == above.subject, "issuer of %s" % c.subject.rfc4514_string())
        above.public_key().verify(c.signature, c.tbs_certificate_bytes, ec.ECDSA(c.signature_hash_algorithm))
        above = c
    usage = path[-1].extensions.get_extension_for_class(x509.KeyUsage).value
    check(usage.digital_signature, "key usage of the signer")
    return path[-1]


def verify(pki, envelope, parts):
    """Verifies the signature over Messaging, Body and all parts and gives the signer's certificate and the references."""
    header, body = one(envelope, "s:Header"), one(envelope, "s:Body")
    messaging, security = one(header, "eb:Messaging"), one(header, "wsse:Security")
    check(messaging.get("{%(s)s}mustUnderstand" % NS) == "true", "mustUnderstand")
    check(len(body) == 0 and not (body.text or "").strip(), "the Body is not empty")
    signature = one(security, "ds:Signature")
    info = one(signature, "ds:SignedInfo")

    token = one(security, "wsse:BinarySecurityToken")
    reference = one(signature, "ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference")
    check(reference.get("URI") == "#" + token.get("{%(wsu)s}Id" % NS), "KeyInfo")
    check(token.get("ValueType").endswith("#X509PKIPathv1"), "type of the token")
    signer = verify_path(pki, certificates(raw(token.text)))

    method = one(info, "ds:CanonicalizationMethod")
    check(method.get("Algorithm") == EXC, "CanonicalizationMethod")
    check(one(info, "ds:SignatureMethod/@Algorithm") == "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "SignatureMethod")
    value = raw(one(signature, "ds:SignatureValue").text)
    check(len(value) == 64, "length of SignatureValue")
    check(isinstance(signer.public_key().curve, ec.BrainpoolP256R1), "curve of the signer")
    der = encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
    signer.public_key().verify(der, c14n(info, method), ec.ECDSA(hashes.SHA256()))

    ids = {}
    for e in envelope.iter(etree.Element):
        for i in [e.get("{%(wsu)s}Id" % NS), e.get("Id"), e.get("id")]:
            if i is not None:
                check(i not in ids, "ID twice")
                ids[i] = e
    covered = {}
    for r in info.xpath("ds:Reference", namespaces=NS):
        uri = r.get("URI")
        transform = one(r, "ds:Transforms/ds:Transform")
        check(one(r, "ds:DigestMethod/@Algorithm") == "http://www.w3.org/2001/04/xmlenc#sha256", "DigestMethod")
        if uri.startswith("#"):
            check(transform.get("Algorithm") == EXC, "transform of " + uri)
            data = c14n(ids[uri[1:]], transform)
            covered[ids[uri[1:]]] = True
        else:
            check(uri.startswith("cid:"), "reference " + uri)
            check(transform.get("Algorithm") == SWA + "Attachment-Content-Signature-Transform", "transform of " + uri)
            data = parts[unquote(uri[4:])]
            covered[unquote(uri[4:])] = True
        check(raw(one(r, "ds:DigestValue").text) == hashlib.sha256(data).digest(), "digest of " + uri)
    for need in [messaging, body] + list(parts):
        check(need in covered, "not signed: %s" % need)
    return signer, info.xpath("ds:Reference", namespaces=NS)


def decrypt(pki, own, envelope, parts):
    """Replaces the parts by what is in them."""
    security = one(envelope, "s:Header/wsse:Security")
    key = one(security, "xenc:EncryptedKey")
    check(one(key, "xenc:EncryptionMethod/@Algorithm") == "http://www.w3.org/2001/04/xmlenc#kw-aes128", "key wrap")
    agreement = one(key, "ds:KeyInfo/xenc:AgreementMethod")
    check(agreement.get("Algorithm") == NS["xenc11"] + "ECDH-ES", "key agreement")
    derivation = one(agreement, "xenc11:KeyDerivationMethod")
    check(derivation.get("Algorithm") == NS["xenc11"] + "ConcatKDF", "key derivation")
    params = one(derivation, "xenc11:ConcatKDFParams")
    check(dict(params.attrib) == {"AlgorithmID": "", "PartyUInfo": "", "PartyVInfo": ""}, "ConcatKDFParams")
    check(one(params, "ds:DigestMethod/@Algorithm") == "http://www.w3.org/2001/04/xmlenc#sha256", "digest of ConcatKDF")
    value = one(agreement, "xenc:OriginatorKeyInfo/ds:KeyValue/dsig11:ECKeyValue")
    check(one(value, "dsig11:NamedCurve/@URI") == "urn:oid:1.3.36.3.3.2.8.1.1.7", "curve")
    point = raw(one(value, "dsig11:PublicKey").text)
    check(len(point) == 65 and point[0] == 4, "form of the point")
    originator = ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP256R1(), point)

    certificate = x509.load_pem_x509_certificate(open("%s/%s/encryption.pem" % (pki, own), "rb").read())
    ski = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    check(raw(one(agreement, "xenc:RecipientKeyInfo/ds:X509Data/ds:X509SKI").text) == ski, "X509SKI")
    private = serialization.load_pem_private_key(open("%s/%s/encryption.key" % (pki, own), "rb").read(), None)
    z = private.exchange(ec.ECDH(), originator)
    kek = ConcatKDFHash(hashes.SHA256(), 16, b"").derive(z)
    cek = aes_key_unwrap(kek, raw(one(key, "xenc:CipherData/xenc:CipherValue").text))
    check(len(cek) == 16, "length of the content key")

    listed = [u[1:] for u in key.xpath("xenc:ReferenceList/xenc:DataReference/@URI", namespaces=NS)]
    done = set()
    for data in security.xpath("xenc:EncryptedData", namespaces=NS):
        check(data.get("Id") in listed, "EncryptedData is not in the ReferenceList")
        check(data.get("Type") == SWA + "Attachment-Content-Only", "Type")
        check(data.get("MimeType") == "application/gzip", "MimeType")
        check(one(data, "xenc:EncryptionMethod/@Algorithm") == NS["xenc11"] + "aes128-gcm", "content cipher")
        check(one(data, "ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference/@URI") == "#" + key.get("Id"), "KeyInfo of EncryptedData")
        reference = one(data, "xenc:CipherData/xenc:CipherReference")
        check(one(reference, "xenc:Transforms/ds:Transform/@Algorithm") == SWA + "Attachment-Ciphertext-Transform", "transform")
        cid = unquote(reference.get("URI")[4:])
        parts[cid] = AESGCM(cek).decrypt(parts[cid][:12], parts[cid][12:], None)
        done.add(cid)
    check(done == set(parts), "not encrypted: %s" % (set(parts) - done))


def unit(certificate):
    units = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    check(len(units) == 1, "OU")
    return units[0].value


# --- commands ---

def user(pki, own, request):
    envelope, parts = read(request)
    message = one(envelope, "s:Header/eb:Messaging/eb:UserMessage")
    if parts:
        decrypt(pki, own, envelope, parts)
    signer, _ = verify(pki, envelope, parts)
    party = one(message, "eb:PartyInfo/eb:From/eb:PartyId").text
    check(unit(signer) == party, "the signer is not the sender")
    infos = message.xpath("eb:PayloadInfo/eb:PartInfo", namespaces=NS)
    check(sorted(unquote(i.get("href")[4:]) for i in infos) == sorted(parts), "PartInfo")
    result = []
    for i in infos:
        properties = {p.get("name"): p.text for p in i.xpath("eb:PartProperties/eb:Property", namespaces=NS)}
        check(properties.get("CompressionType") == "application/gzip", "CompressionType")
        data = gzip.decompress(parts[unquote(i.get("href")[4:])])
        result.append({"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "properties": properties})
    return {"messageID": one(message, "eb:MessageInfo/eb:MessageId").text, "from": party, "parts": result}


def receipt(pki, signer, answer, request):
    envelope, parts = read(answer)
    check(not parts, "a receipt has no parts")
    certificate, _ = verify(pki, envelope, parts)
    check(unit(certificate) == signer, "the receipt is of " + unit(certificate))
    signal = one(envelope, "s:Header/eb:Messaging/eb:SignalMessage")
    sent, _ = read(request)
    message = one(sent, "s:Header/eb:Messaging/eb:UserMessage/eb:MessageInfo/eb:MessageId").text
    check(one(signal, "eb:MessageInfo/eb:RefToMessageId").text == message, "RefToMessageId")
    digests = lambda refs: sorted((r.get("URI"), one(r, "ds:DigestValue").text.strip()) for r in refs)
    had = digests(signal.xpath("eb:Receipt/ebbp:NonRepudiationInformation/ebbp:MessagePartNRInformation/ds:Reference", namespaces=NS))
    want = digests(sent.xpath("s:Header/wsse:Security/ds:Signature/ds:SignedInfo/ds:Reference", namespaces=NS))
    check(had == want, "references: %s, want %s" % (had, want))
    return {"messageID": message, "signer": signer, "references": len(had)}


def main(args):
    if args[0] == "versions":
        print("python", sys.version.split()[0])
        print("lxml %d.%d.%d" % etree.LXML_VERSION[:3], "(libxml2 %d.%d.%d)" % etree.LIBXML_VERSION)
        print("cryptography", cryptography.__version__)
        return 0
    try:
        command = {"user": user, "receipt": receipt}[args[0]]
        print(json.dumps(command(*args[1:])))
        return 0
    except (Bad, InvalidSignature, InvalidTag, KeyError, ValueError) as e:
        print(json.dumps({"error": "%s: %s" % (type(e).__name__, e)}))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
