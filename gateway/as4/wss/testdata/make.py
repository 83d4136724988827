#!/usr/bin/python3
"""Writes a signed and encrypted AS4 message with lxml (libxml2) and cryptography (OpenSSL), by the rules and without any
code of the gateway. Reads a JSON object from standard input:

key         PEM of the signature key
path        certificates of the signer, DER in base64, issuer first
recipient   encryption certificate, DER in base64
parts       list of {id, data}, data in base64
style       "plain" or "wss4j": prefix lists, line ends in base64, the key inside EncryptedData, AlgorithmID "0000",
            recipient by issuer and serial number, single certificate

and writes {xml, parts}.
"""
import base64, hashlib, json, os, sys
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from lxml import etree

EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
SWA = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#"
X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"
MESSAGE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#"
DS = "http://www.w3.org/2000/09/xmldsig#"

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"
    xmlns:ns2="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/" xmlns="urn:unused">
  <soap:Header>
    <ns2:Messaging soap:mustUnderstand="true" xmlns:u="%(wsu)s" u:Id="_msg">
      <ns2:UserMessage>
        <ns2:MessageInfo><ns2:Timestamp>2026-11-22T08:37:54.295Z</ns2:Timestamp><ns2:MessageId>1@python.example</ns2:MessageId></ns2:MessageInfo>
        <ns2:PartyInfo><ns2:From><ns2:PartyId type='urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW'>9900000000001</ns2:PartyId></ns2:From></ns2:PartyInfo>
        <ns2:PayloadInfo>%(infos)s</ns2:PayloadInfo>
      </ns2:UserMessage>
    </ns2:Messaging>
    <o:Security soap:mustUnderstand="true"
        xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">%(key)s%(datas)s
      <o:BinarySecurityToken xmlns:u="%(wsu)s" u:Id="_token" ValueType="%(tokentype)s" EncodingType="%(message)sBase64Binary">%(token)s</o:BinarySecurityToken>
      <Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
        <SignedInfo>
          <CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">%(list1)s</CanonicalizationMethod>
          <SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>
          %(references)s
        </SignedInfo>
        <SignatureValue></SignatureValue>
        <KeyInfo><o:SecurityTokenReference><o:Reference URI="#_token"/></o:SecurityTokenReference></KeyInfo>
      </Signature>
    </o:Security>
  </soap:Header>
  <soap:Body xmlns:u="%(wsu)s" u:Id="_body">
  </soap:Body>
</soap:Envelope>
"""
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

REFERENCE = """<Reference URI="%s"><Transforms><Transform Algorithm="%s">%s</Transform></Transforms>
            <DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>%s</DigestValue></Reference>"""

KEY = """<x:EncryptedKey Id="_key" xmlns:x="http://www.w3.org/2001/04/xmlenc#">
  <x:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#kw-aes128"/>
  <d:KeyInfo xmlns:d="http://www.w3.org/2000/09/xmldsig#">
    <x:AgreementMethod Algorithm="http://www.w3.org/2009/xmlenc11#ECDH-ES">
      <y:KeyDerivationMethod Algorithm="http://www.w3.org/2009/xmlenc11#ConcatKDF" xmlns:y="http://www.w3.org/2009/xmlenc11#">
        <y:ConcatKDFParams AlgorithmID="%s" PartyUInfo="" PartyVInfo=""><d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/></y:ConcatKDFParams>
      </y:KeyDerivationMethod>
      <x:OriginatorKeyInfo><d:KeyValue><e:ECKeyValue xmlns:e="http://www.w3.org/2009/xmldsig11#">
        <e:NamedCurve URI="urn:oid:1.3.36.3.3.2.8.1.1.7"/><e:PublicKey>%s</e:PublicKey></e:ECKeyValue></d:KeyValue></x:OriginatorKeyInfo>
      <x:RecipientKeyInfo>%s</x:RecipientKeyInfo>
    </x:AgreementMethod>
  </d:KeyInfo>
  <x:CipherData><x:CipherValue>%s</x:CipherValue></x:CipherData>
  <x:ReferenceList>%s</x:ReferenceList>
</x:EncryptedKey>"""

DATA = """<x:EncryptedData Id="_data%d" Type="%sAttachment-Content-Only" MimeType="application/gzip" xmlns:x="http://www.w3.org/2001/04/xmlenc#">
  <x:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>
  <d:KeyInfo xmlns:d="http://www.w3.org/2000/09/xmldsig#">%s</d:KeyInfo>
  <x:CipherData><x:CipherReference URI="%s"><x:Transforms><d:Transform xmlns:d="http://www.w3.org/2000/09/xmldsig#" Algorithm="%sAttachment-Ciphertext-Transform"/></x:Transforms></x:CipherReference></x:CipherData>
</x:EncryptedData>"""

TO_KEY = """<o:SecurityTokenReference><o:Reference URI="#_key"/></o:SecurityTokenReference>"""


def sequence(content):
    n = len(content)
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return b"\x30" + (bytes([n]) if n < 128 else bytes([0x80 | len(size)]) + size) + content


def main():
    order = json.load(sys.stdin)
    foreign = order["style"] == "wss4j"

    def b64(data):
        text = base64.b64encode(data).decode()
        return "\n" + "\r\n".join(text[i:i + 64] for i in range(0, len(text), 64)).replace("\r", "&#13;") + "\n" if foreign else text

    def prefixes(names):
        return '<ec:InclusiveNamespaces xmlns:ec="%s" PrefixList="%s"/>' % (EXC, names) if foreign else ""

    cek = os.urandom(16)
    parts, references, infos, datas = [], [], "", []
    for p in order["parts"]:
        data = base64.b64decode(p["data"])
        uri = "cid:" + quote(p["id"], safe="@")
        iv = os.urandom(12)
        parts.append({"id": p["id"], "data": base64.b64encode(iv + AESGCM(cek).encrypt(iv, data, None)).decode()})
        references.append(REFERENCE % (uri, SWA + "Attachment-Content-Signature-Transform", "", b64(hashlib.sha256(data).digest())))
        infos += '<ns2:PartInfo href="%s"/>' % uri
        datas.append(uri)

    recipient = x509.load_der_x509_certificate(base64.b64decode(order["recipient"]))
    ephemeral = ec.generate_private_key(ec.BrainpoolP256R1())
    z = ephemeral.exchange(ec.ECDH(), recipient.public_key())
    kek = ConcatKDFHash(hashes.SHA256(), 16, b"\0" if foreign else b"").derive(z)
    point = ephemeral.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if foreign:
        name = """<o:SecurityTokenReference><d:X509Data><d:X509IssuerSerial><d:X509IssuerName>%s</d:X509IssuerName>
          <d:X509SerialNumber>%d</d:X509SerialNumber></d:X509IssuerSerial></d:X509Data></o:SecurityTokenReference>""" % (
              recipient.issuer.rfc4514_string(), recipient.serial_number)
    else:
        ski = recipient.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        name = "<d:X509Data><d:X509SKI>%s</d:X509SKI></d:X509Data>" % b64(ski)
    listed = "".join('<x:DataReference URI="#_data%d"/>' % i for i in range(len(parts)))
    key = KEY % ("0000" if foreign else "", b64(point), name, b64(aes_key_wrap(kek, cek)), listed)
    inside = [key if foreign and i == 0 else TO_KEY for i in range(len(parts))]
    datas = [DATA % (i, SWA, inside[i], uri, SWA) for i, uri in enumerate(datas)]

    path = [base64.b64decode(c) for c in order["path"]]
    root = etree.fromstring((ENVELOPE % {
        "wsu": WSU, "message": MESSAGE, "infos": infos,
        "key": "" if foreign or not parts else key, "datas": "".join(datas),
        "tokentype": X509 + ("X509v3" if foreign else "X509PKIPathv1"),
        "token": b64(path[-1] if foreign else sequence(b"".join(path))),
        "list1": prefixes("ns2 soap"),
        "references": REFERENCE % ("#_msg", EXC, prefixes("soap #default o"), "") + REFERENCE % ("#_body", EXC, "", "") + "".join(references),
    }).encode())

    def c14n(element, names):
        # lxml does not pass on #default; a prefix list with it is checked by declaring what it stands for.
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=names)

    values = root.iter("{%s}DigestValue" % DS)
    if foreign:
        # "#default" is in force as urn:unused, which is used nowhere in these elements.
        text = c14n(root[0][0], ["soap", "o"]).replace(b"<ns2:Messaging ", b'<ns2:Messaging xmlns="urn:unused" ', 1)
    else:
        text = c14n(root[0][0], None)
    next(values).text = base64.b64encode(hashlib.sha256(text).digest()).decode()
    next(values).text = base64.b64encode(hashlib.sha256(c14n(root[1], None)).digest()).decode()

    private = serialization.load_pem_private_key(order["key"].encode(), None)
    info = next(root.iter("{%s}SignedInfo" % DS))
    der = private.sign(c14n(info, ["ns2", "soap"] if foreign else None), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    next(root.iter("{%s}SignatureValue" % DS)).text = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    json.dump({"xml": base64.b64encode(etree.tostring(root, encoding="UTF-8", xml_declaration=True)).decode(), "parts": parts}, sys.stdout)


main()
