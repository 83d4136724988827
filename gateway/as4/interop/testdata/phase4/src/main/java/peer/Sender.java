package peer;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import org.apache.wss4j.dom.message.WSSecEncrypt;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.xml.security.encryption.params.ConcatKDFParams;
import org.w3c.dom.Document;
import org.w3c.dom.Node;

import com.helger.httpclient.HttpClientSettings;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.mime.parse.MimeTypeParser;
import com.helger.phase4.CAS4;
import com.helger.phase4.attachment.AS4OutgoingAttachment;
import com.helger.phase4.attachment.WSS4JAttachment;
import com.helger.phase4.client.IAS4ClientBuildMessageCallback;
import com.helger.phase4.crypto.AS4CryptParams;
import com.helger.phase4.crypto.ECryptoKeyAgreementMethod;
import com.helger.phase4.crypto.ECryptoKeyDerivationMethod;
import com.helger.phase4.crypto.ECryptoKeyIdentifierType;
import com.helger.phase4.crypto.ECryptoKeyWrapAlgorithm;
import com.helger.phase4.crypto.IWSSecEncryptCustomizer;
import com.helger.phase4.crypto.IWSSecSignatureCustomizer;
import com.helger.phase4.incoming.AS4IncomingProfileSelectorConstant;
import com.helger.phase4.messaging.http.HttpRetrySettings;
import com.helger.phase4.model.pmode.PMode;
import com.helger.phase4.sender.AbstractAS4UserMessageBuilderMIMEPayload;
import com.helger.phase4.sender.IAS4SignalMessageValidationResultHandler;
import com.helger.phase4.util.AS4ResourceHelper;
import com.helger.web.scope.mgr.WebScoped;
import com.sun.net.httpserver.HttpExchange;

/**
 * Sends one message and tells what came back. Query parameters of POST /send:
 *
 * <pre>
 * url           where to
 * from, to      MP-IDs
 * kind          mp (default), test, request, confirm; request and confirm have no payload unless one is posted
 * id            MessageId, by default a new one
 * mime          MimeType property, by default application/octet-stream
 * identity      name in the test PKI whose signature key is used, by default from
 * tls           name in the test PKI whose TLS certificate is shown, by default from
 * recipient     ski (default): X509Data/X509SKI; keyid: wsse:KeyIdentifier; serial: X509IssuerSerial
 * kdf           empty (default): ConcatKDF with empty parameters; wss4j: its own default, AlgorithmID="0000"
 * token         path (default): PKIPath; v3: the signer's certificate alone
 * unsigned      Body or payload: what the signature leaves out; all: no signature
 * body          text that is put into the Body
 * encrypt       yes (default), no
 * property.NAME a further property of the part
 * </pre>
 */
final class Sender {
  private static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";

  private final Pki pki;
  private final Profile profile;

  Sender(final Pki pki, final Profile profile) {
    this.pki = pki;
    this.profile = profile;
  }

  void send(final HttpExchange x) throws IOException {
    final JsonObject result = new JsonObject();
    final byte[] payload = x.getRequestBody().readAllBytes();
    profile.takeFindings();
    try (WebScoped scope = new WebScoped()) {
      final Message m = message(query(x.getRequestURI().getRawQuery()), payload, result);
      result.add("result", m.sendMessageAndCheckForReceipt(e -> result.add("exception", causes(e))).name());
      result.add("messageID", m.messageID());
    } catch (final Exception e) {
      result.add("exception", causes(e));
    }
    final JsonArray findings = new JsonArray();
    profile.takeFindings().forEach(findings::add);
    result.add("findings", findings);
    Receiver.answer(x, 200, "application/json", result.getAsJsonString().getBytes(StandardCharsets.UTF_8));
  }

  private Message message(final Map<String, String> q, final byte[] payload, final JsonObject result) throws Exception {
    final String from = q.get("from");
    final String to = q.get("to");
    final String kind = q.getOrDefault("kind", "mp");
    final boolean encrypt = !q.getOrDefault("encrypt", "yes").equals("no");
    final String service = kind.equals("mp") ? Rules.SERVICE_MP : kind.equals("test") ? Rules.SERVICE_TEST : Rules.SERVICE_SWITCH;
    final String action = kind.equals("mp") ? Rules.ACTION
        : kind.equals("test") ? Rules.ACTION_TEST : kind.equals("request") ? Rules.ACTION_REQUEST : Rules.ACTION_CONFIRM;
    final Message m = new Message();
    m.as4ProfileID(Profile.ID);
    m.incomingProfileSelector(new AS4IncomingProfileSelectorConstant(Profile.ID, true));
    final PMode pmode = Profile.pmode(from, to, service, action, encrypt);
    final String unsigned = q.getOrDefault("unsigned", "");
    if (unsigned.equals("all"))
      pmode.getLeg1().getSecurity().setX509SignatureAlgorithm(null);
    m.pmode(pmode);
    m.pmodeResolver(Receiver.resolver(encrypt));
    m.cryptoFactorySign(pki.factory(q.getOrDefault("identity", from), "signature"));
    m.cryptoFactoryCrypt(pki.factory(from, "encryption"));
    m.decryptRequestDataModifier(new Security());
    m.withSigningParams(p -> {
      Security.sign(p, !q.getOrDefault("token", "path").equals("v3"));
      if (unsigned.equals("Body") || unsigned.equals("payload"))
        p.setWSSecSignatureCustomizer(new LessSigned(unsigned));
    });
    final var certificate = pki.encryptionCertificate(to);
    m.withCryptParams(p -> crypt(p.setCertificate(certificate), q));
    final HttpClientSettings http = new HttpClientSettings();
    if (q.get("url").startsWith("https:"))
      http.setSSLContext(pki.tls(q.getOrDefault("tls", from)));
    m.httpClientFactory(http);
    m.httpRetrySettings(new HttpRetrySettings().setMaxRetries(0));
    m.fromPartyID(from).fromPartyIDType(Rules.TYPE_BDEW).fromRole(CAS4.DEFAULT_INITIATOR_URL);
    m.toPartyID(to).toPartyIDType(Rules.TYPE_BDEW).toRole(CAS4.DEFAULT_RESPONDER_URL);
    m.service(service).action(action).agreementRef(Profile.AGREEMENT).conversationID("").forceMimeMessage(true);
    m.endpointURL(q.get("url"));
    if (q.containsKey("body"))
      m.buildMessageCallback(new Rider(q.get("body")));
    if (q.containsKey("id"))
      m.messageID(q.get("id"));
    if (payload.length > 0) {
      m.payload(AS4OutgoingAttachment.builder().data(payload).compressionGZIP()
          .mimeType(MimeTypeParser.parseMimeType(q.getOrDefault("mime", "application/octet-stream"))));
      q.forEach((name, value) -> {
        if (name.startsWith("property."))
          m.properties.put(name.substring("property.".length()), value);
      });
    }
    m.rawResponseConsumer(r -> result.add("bytes", r.getResponseContent() == null ? 0 : r.getResponseContent().length));
    m.signalMsgConsumer((signal, meta, state) -> {
      result.add("receipt", signal.getReceipt() != null);
      result.add("refToMessageID", signal.getMessageInfo().getRefToMessageId());
      result.add("signed", state.isSoapSignatureChecked());
      if (state.getSigningCertificate() != null)
        result.add("signer", state.getSigningCertificate().getSubjectX500Principal().getName());
      final JsonArray errors = new JsonArray();
      signal.getError().forEach(e -> errors.add(e.getErrorCode() + " " + e.getErrorDetail()));
      result.add("errors", errors);
    });
    m.signalMsgValidationResultHdl(new References(result));
    return m;
  }

  private static void crypt(final AS4CryptParams p, final Map<String, String> q) {
    p.setKeyAgreementMethod(ECryptoKeyAgreementMethod.ECDH_ES);
    p.setKeyDerivationMethod(ECryptoKeyDerivationMethod.CONCAT_KDF);
    p.setKeyWrapAlgorithm(ECryptoKeyWrapAlgorithm.AES_128);
    p.setEncryptSymmetricSessionKey(true);
    switch (q.getOrDefault("recipient", "ski")) {
      case "keyid" -> p.setKeyIdentifierType(ECryptoKeyIdentifierType.SKI_KEY_IDENTIFIER);
      case "serial" -> p.setKeyIdentifierType(ECryptoKeyIdentifierType.ISSUER_SERIAL);
      default -> p.setKeyIdentifierType(ECryptoKeyIdentifierType.X509_SKI_KEY_IDENTIFIER);
    }
    if (q.getOrDefault("kdf", "empty").equals("empty"))
      p.setWSSecEncryptCustomizer(new EmptyParameters());
  }

  private static String causes(final Throwable e) {
    final StringBuilder s = new StringBuilder();
    for (Throwable t = e; t != null; t = t.getCause())
      s.append(s.length() == 0 ? "" : ": ").append(t);
    return s.toString();
  }

  private static Map<String, String> query(final String raw) {
    final Map<String, String> q = new HashMap<>();
    for (final String pair : raw.split("&")) {
      final int eq = pair.indexOf('=');
      q.put(URLDecoder.decode(pair.substring(0, eq), StandardCharsets.UTF_8), URLDecoder.decode(pair.substring(eq + 1), StandardCharsets.UTF_8));
    }
    return q;
  }

  /** A message with the properties of its part. */
  private static final class Message extends AbstractAS4UserMessageBuilderMIMEPayload<Message> {
    final Map<String, String> properties = new HashMap<>();

    @Override
    protected WSS4JAttachment createMainAttachment(final AS4OutgoingAttachment payload, final AS4ResourceHelper files) throws IOException {
      final WSS4JAttachment a = super.createMainAttachment(payload, files);
      a.customPartProperties().putAll(properties);
      return a;
    }
  }

  /** ConcatKDF with AlgorithmID, PartyUInfo and PartyVInfo present and empty, for a key of 128 bits. */
  private static final class EmptyParameters implements IWSSecEncryptCustomizer {
    @Override
    public void customize(final WSSecEncrypt e) {
      e.setKeyDerivationParameters(ConcatKDFParams.createBuilder(128, SHA256).algorithmID("").partyUInfo("").partyVInfo("").build());
    }
  }

  /** Leaves the Body or the payload out of the signature. */
  private static final class LessSigned implements IWSSecSignatureCustomizer {
    private final String what;

    LessSigned(final String what) {
      this.what = what;
    }

    @Override
    public void customize(final WSSecSignature s) {
      s.getParts().removeIf(p -> what.equals("Body") ? "Body".equals(p.getName()) : "cid:Attachments".equals(p.getId()));
    }
  }

  /** Puts something into the Body before it is signed. */
  private static final class Rider implements IAS4ClientBuildMessageCallback {
    private final String text;

    Rider(final String text) {
      this.text = text;
    }

    @Override
    public void onSoapDocument(final Document doc) {
      final Node body = doc.getElementsByTagNameNS("http://www.w3.org/2003/05/soap-envelope", "Body").item(0);
      body.appendChild(doc.createElementNS("urn:x", "x:rider")).setTextContent(text);
    }
  }

  /** What phase4 thinks of the references in the receipt. */
  private static final class References implements IAS4SignalMessageValidationResultHandler {
    private final JsonObject result;

    References(final JsonObject result) {
      this.result = result;
    }

    @Override
    public void onSuccess() {
      result.add("references", "ok");
    }

    @Override
    public void onError(final String text) {
      result.add("references", text);
    }

    @Override
    public void onNotApplicable() {
      result.add("references", "none");
    }
  }
}
