import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.xml.parsers.DocumentBuilderFactory;

import org.apache.xml.security.Init;
import org.apache.xml.security.c14n.Canonicalizer;
import org.apache.xml.security.exceptions.XMLSecurityException;
import org.apache.xml.security.signature.XMLSignature;
import org.apache.xml.security.signature.XMLSignatureInput;
import org.apache.xml.security.transforms.Transform;
import org.apache.xml.security.transforms.TransformSpi;
import org.apache.xml.security.transforms.Transforms;
import org.apache.xml.security.transforms.params.InclusiveNamespaces;
import org.apache.xml.security.utils.XMLUtils;
import org.apache.xml.security.utils.resolver.ResourceResolverContext;
import org.apache.xml.security.utils.resolver.ResourceResolverSpi;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.crypto.agreement.ECDHBasicAgreement;
import org.bouncycastle.crypto.agreement.kdf.ConcatenationKDFGenerator;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.KDFParameters;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.util.BigIntegers;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * AS4 messages of the BDEW profile with Santuario (signature) and Bouncy Castle (certificates, encryption).
 *
 * <pre>
 * verify PKI OWN REQUEST                     decrypts for OWN and verifies a user message
 * verify PKI OWN RECEIPT                     verifies a receipt
 * user PKI FROM TO PAYLOAD OUT               writes a user message with the payload
 * receipt PKI OWN REQUEST OUT                writes the receipt of OWN for a user message
 * versions
 * </pre>
 *
 * PKI is a directory as made by ../pki/make.sh; messages are HTTP messages in files. What it writes differs from the
 * messages of phase4 wherever the standards leave a choice: Messaging first and found by its attribute "id", other
 * prefixes, a PrefixList of two, broken lines in base64, white space and comments in the header, a Content-ID for the root.
 */
public final class Santuario {
  static final String S12 = "http://www.w3.org/2003/05/soap-envelope";
  static final String EB = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
  static final String WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
  static final String WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
  static final String DS = "http://www.w3.org/2000/09/xmldsig#";
  static final String XENC = "http://www.w3.org/2001/04/xmlenc#";
  static final String XENC11 = "http://www.w3.org/2009/xmlenc11#";
  static final String DSIG11 = "http://www.w3.org/2009/xmldsig11#";
  static final String EBBP = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0";
  static final String SWA = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#";
  static final String CONTENT = SWA + "Attachment-Content-Signature-Transform";
  static final String TOKEN = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509PKIPathv1";
  static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
  static final String EXC = "http://www.w3.org/2001/10/xml-exc-c14n#";
  static final String ECDSA = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

  public static void main(final String[] a) throws Exception {
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    Security.setProperty("jdk.disabled.namedCurves", "");
    Init.init();
    Transform.register(CONTENT, Opaque.class);
    switch (a[0]) {
      case "verify" -> {
        try {
          System.out.println(verify(Path.of(a[1]), a[2], Path.of(a[3])));
        } catch (final GeneralSecurityException | IOException | XMLSecurityException e) {
          need(false, e.toString());
        }
      }
      case "user" -> user(Path.of(a[1]), a[2], a[3], Path.of(a[4]), Path.of(a[5]));
      case "receipt" -> receipt(Path.of(a[1]), a[2], Path.of(a[3]), Path.of(a[4]));
      case "versions" -> System.out.println("java " + System.getProperty("java.version") + "\nsantuario "
          + version() + "\nbouncycastle " + new BouncyCastleProvider().getVersionStr());
      default -> throw new IllegalArgumentException(a[0]);
    }
  }

  // --- reading ---

  static String verify(final Path pki, final String own, final Path file) throws Exception {
    final Message m = Message.read(file);
    final Element header = one(m.envelope, S12, "Header");
    final Element body = one(m.envelope, S12, "Body");
    final Element messaging = one(header, EB, "Messaging");
    final Element security = one(header, WSSE, "Security");
    need(body.getFirstChild() == null, "the Body is not empty");
    if (!m.parts.isEmpty())
      decrypt(pki, own, security, m.parts);
    for (final Element e : all(m.envelope, "*", "*")) {
      if (e.hasAttributeNS(WSU, "Id"))
        e.setIdAttributeNS(WSU, "Id", true);
      if (e.hasAttribute("Id"))
        e.setIdAttribute("Id", true);
    }
    if (messaging.hasAttribute("id"))
      messaging.setIdAttribute("id", true);

    final Element signature = one(security, DS, "Signature");
    final Element token = one(security, WSSE, "BinarySecurityToken");
    need(token.getAttribute("ValueType").equals(TOKEN), "type of the token");
    final X509Certificate signer = path(pki, Base64.getMimeDecoder().decode(token.getTextContent()));
    final XMLSignature s = new XMLSignature(signature, "", true);
    s.addResourceResolver(new Parts(m.parts));
    need(s.getSignedInfo().getSignatureMethodURI().equals(ECDSA), "SignatureMethod");
    need(s.getSignedInfo().getCanonicalizationMethodURI().equals(EXC), "CanonicalizationMethod");
    need(s.checkSignatureValue(signer), "signature");
    final Set<String> signed = new TreeSet<>();
    for (int i = 0; i < s.getSignedInfo().getLength(); i++)
      signed.add(s.getSignedInfo().item(i).getURI());
    final Set<String> want = new TreeSet<>();
    want.add("#" + id(messaging));
    want.add("#" + id(body));
    m.parts.keySet().forEach(cid -> want.add("cid:" + cid));
    need(signed.equals(want), "signed are " + signed + ", not " + want);

    final Element signal = first(messaging, EB, "SignalMessage");
    if (signal != null)
      return json("refToMessageID", one(signal, EB, "RefToMessageId").getTextContent(), "signer", unit(signer), "references",
          String.valueOf(all(one(signal, EBBP, "NonRepudiationInformation"), DS, "Reference").size()));
    need(one(one(messaging, EB, "From"), EB, "PartyId").getTextContent().equals(unit(signer)), "the signer is not the sender");
    final List<String> digests = new ArrayList<>();
    for (final byte[] part : m.parts.values()) {
      final byte[] data = new GZIPInputStream(new ByteArrayInputStream(part)).readAllBytes();
      digests.add(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data)));
    }
    return json("messageID", one(messaging, EB, "MessageId").getTextContent(), "signer", unit(signer), "sha256", String.join(" ", digests));
  }

  static String id(final Element e) {
    return e.hasAttributeNS(WSU, "Id") ? e.getAttributeNS(WSU, "Id") : e.getAttribute("id");
  }

  static X509Certificate path(final Path pki, final byte[] der) throws Exception {
    final CertificateFactory x509 = CertificateFactory.getInstance("X.509", "BC");
    final CertPath path = x509.generateCertPath(new ByteArrayInputStream(der), "PkiPath");
    final PKIXParameters params = new PKIXParameters(Set.of(new TrustAnchor(certificates(pki.resolve("root.pem")).get(0), null)));
    params.setRevocationEnabled(false);
    CertPathValidator.getInstance("PKIX", "BC").validate(path, params);
    return (X509Certificate) path.getCertificates().get(0);
  }

  static void decrypt(final Path pki, final String own, final Element security, final Map<String, byte[]> parts) throws Exception {
    final Element key = one(security, XENC, "EncryptedKey");
    final Element agreement = one(key, XENC, "AgreementMethod");
    need(agreement.getAttribute("Algorithm").equals(XENC11 + "ECDH-ES"), "key agreement");
    need(one(agreement, XENC11, "KeyDerivationMethod").getAttribute("Algorithm").equals(XENC11 + "ConcatKDF"), "key derivation");
    final Element params = one(agreement, XENC11, "ConcatKDFParams");
    for (final String name : List.of("AlgorithmID", "PartyUInfo", "PartyVInfo"))
      need(params.hasAttribute(name) && params.getAttribute(name).isEmpty(), name);
    need(one(agreement, DSIG11, "NamedCurve").getAttribute("URI").equals("urn:oid:1.3.36.3.3.2.8.1.1.7"), "curve");
    final byte[] ski = SubjectKeyIdentifier.getInstance(org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils.parseExtensionValue(
        certificates(pki.resolve(own).resolve("encryption.pem")).get(0).getExtensionValue("2.5.29.14"))).getKeyIdentifier();
    need(Arrays.equals(ski, base64(one(agreement, DS, "X509SKI"))), "X509SKI");
    final ECPrivateKeyParameters priv = (ECPrivateKeyParameters) PrivateKeyFactory.createKey(privateKey(pki, own, "encryption").getEncoded());
    final ECPublicKeyParameters pub = new ECPublicKeyParameters(
        priv.getParameters().getCurve().decodePoint(base64(one(agreement, DSIG11, "PublicKey"))), priv.getParameters());
    final Cipher unwrap = Cipher.getInstance("AESWrap", "BC");
    unwrap.init(Cipher.UNWRAP_MODE, kek(priv, pub));
    final byte[] cek = unwrap.unwrap(base64(one(key, XENC, "CipherValue")), "AES", Cipher.SECRET_KEY).getEncoded();
    need(cek.length == 16, "length of the content key");
    final Set<String> open = new HashSet<>(parts.keySet());
    for (final Element data : all(security, XENC, "EncryptedData")) {
      need(data.getAttribute("Type").equals(SWA + "Attachment-Content-Only"), "Type");
      final String cid = one(data, XENC, "CipherReference").getAttribute("URI").replaceFirst("^cid:", "");
      final byte[] c = parts.get(cid);
      final Cipher gcm = Cipher.getInstance("AES/GCM/NoPadding", "BC");
      gcm.init(Cipher.DECRYPT_MODE, new SecretKeySpec(cek, "AES"), new GCMParameterSpec(128, c, 0, 12));
      parts.put(cid, gcm.doFinal(c, 12, c.length - 12));
      open.remove(cid);
    }
    need(open.isEmpty(), "not encrypted: " + open);
  }

  /** ECDH and ConcatKDF of NIST SP 800-56A without other information. */
  static SecretKeySpec kek(final ECPrivateKeyParameters priv, final ECPublicKeyParameters pub) {
    final ECDHBasicAgreement ecdh = new ECDHBasicAgreement();
    ecdh.init(priv);
    final byte[] z = BigIntegers.asUnsignedByteArray(32, ecdh.calculateAgreement(pub));
    final ConcatenationKDFGenerator kdf = new ConcatenationKDFGenerator(new SHA256Digest());
    kdf.init(new KDFParameters(z, new byte[0]));
    final byte[] key = new byte[16];
    kdf.generateBytes(key, 0, 16);
    return new SecretKeySpec(key, "AES");
  }

  // --- writing ---

  static void user(final Path pki, final String from, final String to, final Path payload, final Path out) throws Exception {
    final String cid = "part-" + UUID.randomUUID() + "@santuario.test";
    final ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(zipped)) {
      gzip.write(Files.readAllBytes(payload));
    }
    final Map<String, byte[]> parts = new LinkedHashMap<>(Map.of(cid, zipped.toByteArray()));
    final String type = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW";
    final Document doc = envelope("""
        <eb3:UserMessage>
          <eb3:MessageInfo><eb3:Timestamp>%s</eb3:Timestamp><eb3:MessageId>%s@santuario.test</eb3:MessageId></eb3:MessageInfo>
          <eb3:PartyInfo>
            <eb3:From><eb3:PartyId type="%s">%s</eb3:PartyId><eb3:Role>%sinitiator</eb3:Role></eb3:From>
            <eb3:To><eb3:PartyId type="%s">%s</eb3:PartyId><eb3:Role>%sresponder</eb3:Role></eb3:To>
          </eb3:PartyInfo>
          <eb3:CollaborationInfo>
            <eb3:AgreementRef>https://www.bdew.de/as4/communication/agreement</eb3:AgreementRef>
            <eb3:Service>https://www.bdew.de/as4/communication/services/MP</eb3:Service>
            <eb3:Action>http://docs.oasis-open.org/ebxml-msg/as4/200902/action</eb3:Action>
            <eb3:ConversationId></eb3:ConversationId>
          </eb3:CollaborationInfo>
          <eb3:PayloadInfo><eb3:PartInfo href="cid:%s"><eb3:PartProperties>
            <eb3:Property name="MimeType">application/octet-stream</eb3:Property>
            <eb3:Property name="CompressionType">application/gzip</eb3:Property>
          </eb3:PartProperties></eb3:PartInfo></eb3:PayloadInfo>
        </eb3:UserMessage>
        """.formatted(java.time.Instant.now().truncatedTo(java.time.temporal.ChronoUnit.MILLIS), UUID.randomUUID(), type, from, EB, type, to, EB, cid));
    sign(pki, from, doc, parts);
    encrypt(pki, to, doc, parts);
    final ByteArrayOutputStream body = new ByteArrayOutputStream();
    final String boundary = "santuario " + UUID.randomUUID();
    body.write(("preamble\r\n--" + boundary + "\r\nContent-Type: application/soap+xml; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n"
        + "Content-ID: <root@santuario.test>\r\n\r\n").getBytes(StandardCharsets.UTF_8));
    XMLUtils.outputDOM(doc, body, true);
    for (final Map.Entry<String, byte[]> p : parts.entrySet()) {
      body.write(("\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + p.getKey()
          + ">\r\n\r\n").getBytes(StandardCharsets.UTF_8));
      body.write(p.getValue());
    }
    body.write(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8));
    write(out, "POST /as4 HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/related; boundary=\"" + boundary
        + "\"; start=\"<root@santuario.test>\"; type=\"application/soap+xml\"\r\n", body.toByteArray());
  }

  static void receipt(final Path pki, final String own, final Path request, final Path out) throws Exception {
    final Message m = Message.read(request);
    final Document doc = envelope("""
        <eb3:SignalMessage>
          <eb3:MessageInfo>
            <eb3:Timestamp>%s</eb3:Timestamp><eb3:MessageId>%s@santuario.test</eb3:MessageId><eb3:RefToMessageId>%s</eb3:RefToMessageId>
          </eb3:MessageInfo>
          <eb3:Receipt><nr:NonRepudiationInformation xmlns:nr="%s"/></eb3:Receipt>
        </eb3:SignalMessage>
        """.formatted(java.time.Instant.now().truncatedTo(java.time.temporal.ChronoUnit.MILLIS), UUID.randomUUID(),
        one(m.envelope, EB, "MessageId").getTextContent(), EBBP));
    final Element info = one(doc.getDocumentElement(), EBBP, "NonRepudiationInformation");
    for (final Element r : all(one(m.envelope, DS, "SignedInfo"), DS, "Reference")) {
      final Element part = doc.createElementNS(EBBP, "nr:MessagePartNRInformation");
      part.appendChild(doc.importNode(parse(canonical(r)).getDocumentElement(), true));
      info.appendChild(part);
    }
    sign(pki, own, doc, Map.of());
    final ByteArrayOutputStream body = new ByteArrayOutputStream();
    XMLUtils.outputDOM(doc, body, true);
    write(out, "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n", body.toByteArray());
  }

  static void write(final Path out, final String head, final byte[] body) throws IOException {
    final ByteArrayOutputStream b = new ByteArrayOutputStream();
    b.write((head + "Content-Length: " + body.length + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
    b.write(body);
    Files.write(out, b.toByteArray());
  }

  static Document envelope(final String message) throws Exception {
    return parse(("""
        <soap:Envelope xmlns:soap="%s" xmlns:eb3="%s" xmlns:unused="urn:unused">
          <!-- Messaging stands first -->
          <soap:Header>
            <eb3:Messaging id="messaging-1" soap:mustUnderstand="true">
            %s</eb3:Messaging>
            <w:Security xmlns:w="%s" xmlns:u="%s" soap:mustUnderstand="true">
              <!-- token -->
            </w:Security>
          </soap:Header>
          <soap:Body xmlns:u="%s" u:Id="body-1"/>
        </soap:Envelope>
        """.formatted(S12, EB, message, WSSE, WSU, WSU)).getBytes(StandardCharsets.UTF_8));
  }

  static void sign(final Path pki, final String own, final Document doc, final Map<String, byte[]> parts) throws Exception {
    final Element messaging = one(doc.getDocumentElement(), EB, "Messaging");
    final Element body = one(doc.getDocumentElement(), S12, "Body");
    messaging.setIdAttribute("id", true);
    body.setIdAttributeNS(WSU, "Id", true);
    final Element security = one(doc.getDocumentElement(), WSSE, "Security");
    final CertPath path = CertificateFactory.getInstance("X.509", "BC").generateCertPath(certificates(pki.resolve(own).resolve("signature.pem")));
    final Element token = child(security, WSSE, "w:BinarySecurityToken");
    token.setAttributeNS(WSU, "u:Id", "token-1");
    token.setAttribute("ValueType", TOKEN);
    token.setAttribute("EncodingType", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary");
    token.setTextContent(Base64.getMimeEncoder(64, "\n".getBytes()).encodeToString(path.getEncoded("PkiPath")));

    final Element method = doc.createElementNS(DS, "ds:SignatureMethod");
    method.setAttribute("Algorithm", ECDSA);
    final Element c14n = doc.createElementNS(DS, "ds:CanonicalizationMethod");
    c14n.setAttribute("Algorithm", EXC);
    c14n.appendChild(new InclusiveNamespaces(doc, "soap eb3").getElement());
    final XMLSignature s = new XMLSignature(doc, "", method, c14n);
    security.appendChild(s.getElement());
    s.addResourceResolver(new Parts(parts));
    final Transforms list = new Transforms(doc);
    list.addTransform(EXC, new InclusiveNamespaces(doc, "soap unused").getElement());
    s.addDocument("#messaging-1", list, SHA256);
    final Transforms plain = new Transforms(doc);
    plain.addTransform(EXC);
    s.addDocument("#body-1", plain, SHA256);
    for (final String cid : parts.keySet()) {
      final Transforms opaque = new Transforms(doc);
      opaque.addTransform(CONTENT);
      s.addDocument("cid:" + cid, opaque, SHA256);
    }
    final Element reference = child(child(child(s.getElement(), DS, "ds:KeyInfo"), WSSE, "w:SecurityTokenReference"), WSSE, "w:Reference");
    reference.setAttribute("URI", "#token-1");
    reference.setAttribute("ValueType", TOKEN);
    s.sign(privateKey(pki, own, "signature"));
  }

  static void encrypt(final Path pki, final String to, final Document doc, final Map<String, byte[]> parts) throws Exception {
    final X509Certificate recipient = certificates(pki.resolve(to).resolve("encryption.pem")).get(0);
    final KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
    generator.initialize(new ECGenParameterSpec("brainpoolP256r1"));
    final KeyPair ephemeral = generator.generateKeyPair();
    final ECPublicKeyParameters pub = (ECPublicKeyParameters) PublicKeyFactory.createKey(recipient.getPublicKey().getEncoded());
    final ECPublicKeyParameters own = (ECPublicKeyParameters) PublicKeyFactory.createKey(ephemeral.getPublic().getEncoded());
    final byte[] cek = new byte[16];
    new SecureRandom().nextBytes(cek);
    final Cipher wrap = Cipher.getInstance("AESWrap", "BC");
    wrap.init(Cipher.WRAP_MODE, kek((ECPrivateKeyParameters) PrivateKeyFactory.createKey(ephemeral.getPrivate().getEncoded()), pub));
    final byte[] ski = SubjectKeyIdentifier
        .getInstance(org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils.parseExtensionValue(recipient.getExtensionValue("2.5.29.14"))).getKeyIdentifier();

    final StringBuilder xml = new StringBuilder("""
        <x><e:EncryptedKey xmlns:e="%s" xmlns:d="%s" Id="key-1">
          <e:EncryptionMethod Algorithm="%skw-aes128"/>
          <d:KeyInfo><e:AgreementMethod Algorithm="%sECDH-ES">
            <e11:KeyDerivationMethod xmlns:e11="%s" Algorithm="%sConcatKDF">
              <e11:ConcatKDFParams PartyVInfo="" PartyUInfo="" AlgorithmID=""><d:DigestMethod Algorithm="%s"/></e11:ConcatKDFParams>
            </e11:KeyDerivationMethod>
            <e:OriginatorKeyInfo><d:KeyValue><d11:ECKeyValue xmlns:d11="%s"><d11:NamedCurve URI="urn:oid:1.3.36.3.3.2.8.1.1.7"/>
              <d11:PublicKey>%s</d11:PublicKey></d11:ECKeyValue></d:KeyValue></e:OriginatorKeyInfo>
            <e:RecipientKeyInfo><d:X509Data><d:X509SKI>%s</d:X509SKI></d:X509Data></e:RecipientKeyInfo>
          </e:AgreementMethod></d:KeyInfo>
          <e:CipherData><e:CipherValue>%s</e:CipherValue></e:CipherData>
          <e:ReferenceList>""".formatted(XENC, DS, XENC, XENC11, XENC11, XENC11, SHA256, DSIG11,
        Base64.getMimeEncoder(64, "\n".getBytes()).encodeToString(own.getQ().getEncoded(false)), Base64.getEncoder().encodeToString(ski),
        Base64.getEncoder().encodeToString(wrap.wrap(new SecretKeySpec(cek, "AES")))));
    final StringBuilder datas = new StringBuilder();
    int n = 0;
    for (final Map.Entry<String, byte[]> p : parts.entrySet()) {
      n++;
      final byte[] iv = new byte[12];
      new SecureRandom().nextBytes(iv);
      final Cipher gcm = Cipher.getInstance("AES/GCM/NoPadding", "BC");
      gcm.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(cek, "AES"), new GCMParameterSpec(128, iv));
      final ByteArrayOutputStream c = new ByteArrayOutputStream();
      c.write(iv);
      c.write(gcm.doFinal(p.getValue()));
      p.setValue(c.toByteArray());
      xml.append("<e:DataReference URI=\"#data-" + n + "\"/>");
      datas.append("""
          <e:EncryptedData xmlns:e="%s" xmlns:d="%s" xmlns:w="%s" Id="data-%d" Type="%sAttachment-Content-Only" MimeType="application/gzip">
            <e:EncryptionMethod Algorithm="%saes128-gcm"/>
            <d:KeyInfo><w:SecurityTokenReference><w:Reference URI="#key-1"/></w:SecurityTokenReference></d:KeyInfo>
            <e:CipherData><e:CipherReference URI="cid:%s"><e:Transforms>
              <d:Transform Algorithm="%sAttachment-Ciphertext-Transform"/></e:Transforms></e:CipherReference></e:CipherData>
          </e:EncryptedData>""".formatted(XENC, DS, WSSE, n, SWA, XENC11, p.getKey(), SWA));
    }
    xml.append("</e:ReferenceList></e:EncryptedKey>").append(datas).append("</x>");
    final Element security = one(doc.getDocumentElement(), WSSE, "Security");
    final Node first = security.getFirstChild();
    for (final Element e : all(parse(xml.toString().getBytes(StandardCharsets.UTF_8)).getDocumentElement(), XENC, "*"))
      if (e.getParentNode().getLocalName().equals("x"))
        security.insertBefore(doc.importNode(e, true), first);
  }

  // --- pieces ---

  /** An HTTP message with the envelope parsed and the other parts by Content-ID. */
  static final class Message {
    Element envelope;
    final Map<String, byte[]> parts = new LinkedHashMap<>();

    static Message read(final Path file) throws Exception {
      final String all = Files.readString(file, StandardCharsets.ISO_8859_1);
      final int end = all.indexOf("\r\n\r\n");
      final Map<String, String> head = headers(all.substring(all.indexOf("\r\n") + 2, end));
      final String body = all.substring(end + 4);
      final Message m = new Message();
      final String type = head.get("content-type");
      if (!type.toLowerCase().startsWith("multipart/related")) {
        m.envelope = parse(bytes(body)).getDocumentElement();
        return m;
      }
      final String boundary = type.replaceFirst("(?i).*boundary=\"?", "").replaceFirst("[\";].*", "");
      for (String piece : ("\r\n" + body).split("\r\n--" + java.util.regex.Pattern.quote(boundary))) {
        if (!piece.startsWith("\r\n") || !piece.contains("\r\n\r\n"))
          continue;
        final int sep = piece.indexOf("\r\n\r\n");
        final Map<String, String> h = headers(piece.substring(2, sep));
        if (m.envelope == null)
          m.envelope = parse(bytes(piece.substring(sep + 4))).getDocumentElement();
        else
          m.parts.put(h.get("content-id").replaceAll("[<>]", ""), bytes(piece.substring(sep + 4)));
      }
      return m;
    }

    private static byte[] bytes(final String s) {
      return s.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static Map<String, String> headers(final String block) {
      final Map<String, String> h = new HashMap<>();
      for (final String line : block.replaceAll("\r\n[ \t]+", " ").split("\r\n"))
        h.put(line.substring(0, line.indexOf(':')).toLowerCase(), line.substring(line.indexOf(':') + 1).trim());
      return h;
    }
  }

  /** The SwA transform for the content of a part: the octets as they are. */
  public static final class Opaque extends TransformSpi {
    @Override
    protected String engineGetURI() {
      return CONTENT;
    }

    @Override
    protected XMLSignatureInput enginePerformTransform(final XMLSignatureInput in, final OutputStream out, final Transform t) {
      return in;
    }
  }

  /** Finds parts by their cid. */
  static final class Parts extends ResourceResolverSpi {
    private final Map<String, byte[]> parts;

    Parts(final Map<String, byte[]> parts) {
      this.parts = parts;
    }

    @Override
    public boolean engineCanResolveURI(final ResourceResolverContext c) {
      return c.uriToResolve != null && c.uriToResolve.startsWith("cid:");
    }

    @Override
    public XMLSignatureInput engineResolveURI(final ResourceResolverContext c) {
      return new XMLSignatureInput(parts.get(c.uriToResolve.substring(4)));
    }
  }

  static byte[] canonical(final Element e) throws Exception {
    return Canonicalizer.getInstance(EXC).canonicalizeSubtree(e);
  }

  static Document parse(final byte[] xml) throws Exception {
    final DocumentBuilderFactory f = DocumentBuilderFactory.newInstance();
    f.setNamespaceAware(true);
    f.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    return f.newDocumentBuilder().parse(new ByteArrayInputStream(xml));
  }

  static List<Element> all(final Element in, final String space, final String name) {
    final List<Element> found = new ArrayList<>();
    final var nodes = in.getElementsByTagNameNS(space, name);
    for (int i = 0; i < nodes.getLength(); i++)
      found.add((Element) nodes.item(i));
    return found;
  }

  static Element first(final Element in, final String space, final String name) {
    final List<Element> found = all(in, space, name);
    return found.isEmpty() ? null : found.get(0);
  }

  static Element one(final Element in, final String space, final String name) {
    final List<Element> found = all(in, space, name);
    need(found.size() == 1, found.size() + " of " + name);
    return found.get(0);
  }

  static Element child(final Element parent, final String space, final String name) {
    return (Element) parent.appendChild(parent.getOwnerDocument().createElementNS(space, name));
  }

  static byte[] base64(final Element e) {
    return Base64.getMimeDecoder().decode(e.getTextContent());
  }

  static List<X509Certificate> certificates(final Path pem) throws Exception {
    final List<X509Certificate> found = new ArrayList<>();
    for (final var c : CertificateFactory.getInstance("X.509", "BC").generateCertificates(new ByteArrayInputStream(Files.readAllBytes(pem))))
      found.add((X509Certificate) c);
    return found;
  }

  static PrivateKey privateKey(final Path pki, final String name, final String usage) throws Exception {
    final String pem = Files.readString(pki.resolve(name).resolve(usage + ".key")).replaceAll("-----[A-Z ]*-----", "");
    return KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem)));
  }

  static String unit(final X509Certificate c) {
    return c.getSubjectX500Principal().getName().replaceFirst(".*OU=", "").replaceFirst(",.*", "");
  }

  static String json(final String... pairs) {
    final StringBuilder s = new StringBuilder("{");
    for (int i = 0; i < pairs.length; i += 2)
      s.append(i == 0 ? "" : ", ").append("\"" + pairs[i] + "\": \"" + pairs[i + 1] + "\"");
    return s.append("}").toString();
  }

  /** The version of Santuario; the manifest of Debian's jar does not have it. */
  static String version() throws IOException {
    final Properties p = new Properties();
    try (InputStream in = Init.class.getResourceAsStream("/META-INF/maven/org.apache.santuario/xmlsec/pom.properties")) {
      p.load(in);
    }
    return p.getProperty("version");
  }

  static void need(final boolean ok, final String text) {
    if (!ok) {
      System.out.println(json("error", text));
      System.exit(1);
    }
  }
}
