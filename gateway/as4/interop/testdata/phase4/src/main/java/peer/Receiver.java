package peer;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

import org.w3c.dom.Node;

import com.helger.base.io.iface.IHasInputStream;
import com.helger.collection.commons.CommonsArrayList;
import com.helger.collection.commons.ICommonsList;
import com.helger.http.header.HttpHeaderMap;
import com.helger.json.IJsonArray;
import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.mime.IMimeType;
import com.helger.phase4.attachment.IAS4IncomingAttachmentFactory;
import com.helger.phase4.attachment.WSS4JAttachment;
import com.helger.phase4.ebms3header.Ebms3PartInfo;
import com.helger.phase4.ebms3header.Ebms3Property;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.incoming.AS4IncomingMessageMetadata;
import com.helger.phase4.incoming.AS4IncomingProfileSelectorConstant;
import com.helger.phase4.incoming.AS4IncomingReceiverConfiguration;
import com.helger.phase4.incoming.AS4RequestHandler;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.incoming.IAS4IncomingMessageState;
import com.helger.phase4.incoming.IAS4ResponseAbstraction;
import com.helger.phase4.incoming.spi.AS4MessageProcessorResult;
import com.helger.phase4.incoming.spi.AS4SignalMessageProcessorResult;
import com.helger.phase4.incoming.spi.IAS4IncomingMessageProcessorSPI;
import com.helger.phase4.error.AS4ErrorList;
import com.helger.phase4.model.pmode.IPMode;
import com.helger.phase4.model.pmode.resolve.IAS4PModeResolver;
import com.helger.web.scope.mgr.WebScoped;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsExchange;

/** Takes AS4 messages for every partner of the test PKI and remembers what came. */
final class Receiver {
  private static final int SMALL = 1 << 20;

  private final Pki pki;
  private final Profile profile;
  private final List<IJsonObject> received = new ArrayList<>();

  Receiver(final Pki pki, final Profile profile) {
    this.pki = pki;
    this.profile = profile;
  }

  /** The receiving partner is the name in the path: /as4/9900000000001. */
  void receive(final HttpExchange x) throws IOException {
    final String own = x.getRequestURI().getPath().replaceFirst("^/as4/", "");
    final JsonObject entry = new JsonObject();
    final Answer answer = new Answer();
    profile.takeFindings();
    try (WebScoped scope = new WebScoped();
        AS4RequestHandler h = new AS4RequestHandler(metadata(x))) {
      final HttpHeaderMap headers = new HttpHeaderMap();
      x.getRequestHeaders().forEach((name, values) -> values.forEach(v -> headers.addHeader(name, v)));
      h.setCryptoFactorySign(pki.factory(own, "signature"));
      h.setCryptoFactoryCrypt(pki.factory(own, "encryption"));
      h.setPModeResolver(resolver(true));
      h.setIncomingProfileSelector(new AS4IncomingProfileSelectorConstant(Profile.ID, true));
      h.setIncomingAttachmentFactory(IAS4IncomingAttachmentFactory.DEFAULT_INSTANCE);
      h.setIncomingSecurityConfiguration(Security.configuration());
      h.setIncomingReceiverConfiguration(new AS4IncomingReceiverConfiguration());
      h.setProcessorSupplier(() -> new CommonsArrayList<>(new Sink(entry)));
      h.setErrorConsumer((meta, state, errors, sent) -> {
        entry.add("messageID", state.getMessageID());
        final JsonArray list = new JsonArray();
        errors.forEach(e -> list.add(e.getEbmsError().getErrorCode() + " " + e.getEbmsError().getErrorDetail()));
        entry.add("errors", list);
        if (state.getSoapWSS4JException() != null)
          entry.add("wss4j", String.valueOf(state.getSoapWSS4JException()));
      });
      h.handleRequest(x.getRequestBody(), headers, answer);
    } catch (final Exception e) {
      entry.add("exception", String.valueOf(e));
      answer.status = 500;
      answer.contentType = "text/plain";
      answer.body = String.valueOf(e).getBytes(StandardCharsets.UTF_8);
    }
    final JsonArray findings = new JsonArray();
    profile.takeFindings().forEach(findings::add);
    entry.add("findings", findings);
    entry.add("status", answer.status);
    synchronized (received) {
      received.add(entry);
    }
    answer(x, answer.status, answer.contentType, answer.body);
  }

  private static AS4IncomingMessageMetadata metadata(final HttpExchange x) throws IOException {
    final AS4IncomingMessageMetadata meta = AS4IncomingMessageMetadata.createForRequest();
    if (x instanceof HttpsExchange)
      meta.setRemoteTlsCerts(Arrays.stream(((HttpsExchange) x).getSSLSession().getPeerCertificates()).toArray(X509Certificate[]::new));
    return meta;
  }

  /** Hands out what has been received and forgets it. */
  void report(final HttpExchange x) throws IOException {
    final JsonArray all = new JsonArray();
    synchronized (received) {
      received.forEach(all::add);
      received.clear();
    }
    answer(x, 200, "application/json", all.getAsJsonString().getBytes(StandardCharsets.UTF_8));
  }

  /** The dynamic P-Mode: made for the parties, service and action of the message. */
  static IAS4PModeResolver resolver(final boolean encrypt) {
    return (id, service, action, from, to, agreement, address) -> Profile.pmode(from, to, service, action, encrypt);
  }

  static void answer(final HttpExchange x, final int status, final String type, final byte[] body) throws IOException {
    if (type != null)
      x.getResponseHeaders().set("Content-Type", type);
    x.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    x.getResponseBody().write(body);
    x.close();
  }

  /** Takes the answer of phase4. */
  private static final class Answer implements IAS4ResponseAbstraction {
    int status = 200;
    String contentType;
    byte[] body = {};

    @Override
    public void setContent(final byte[] bytes, final Charset charset) {
      body = bytes;
    }

    @Override
    public void setContent(final HttpHeaderMap headers, final IHasInputStream content) {
      try (InputStream in = content.getInputStream()) {
        body = in.readAllBytes();
      } catch (final IOException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void setMimeType(final IMimeType type) {
      contentType = type.getAsString();
    }

    @Override
    public void setStatus(final int code) {
      status = code;
    }
  }

  /** The business application: describes the message it gets. */
  private static final class Sink implements IAS4IncomingMessageProcessorSPI {
    private final JsonObject entry;

    Sink(final JsonObject entry) {
      this.entry = entry;
    }

    @Override
    public AS4MessageProcessorResult processAS4UserMessage(final IAS4IncomingMessageMetadata meta, final HttpHeaderMap headers,
        final Ebms3UserMessage m, final IPMode pmode, final Node payload, final ICommonsList<WSS4JAttachment> parts,
        final IAS4IncomingMessageState state, final AS4ErrorList errors) {
      entry.add("messageID", m.getMessageInfo().getMessageId());
      entry.add("from", m.getPartyInfo().getFrom().getPartyId().get(0).getValue());
      entry.add("to", m.getPartyInfo().getTo().getPartyId().get(0).getValue());
      entry.add("service", m.getCollaborationInfo().getService().getValue());
      entry.add("action", m.getCollaborationInfo().getAction());
      entry.add("signed", state.isSoapSignatureChecked());
      entry.add("encrypted", state.isSoapDecrypted());
      if (meta.hasRemoteTlsCerts())
        entry.add("tls", meta.remoteTlsCerts().getFirstOrNull().getSubjectX500Principal().getName());
      if (state.getSigningCertificate() != null)
        entry.add("signer", state.getSigningCertificate().getSubjectX500Principal().getName());
      final IJsonArray list = new JsonArray();
      try {
        for (int i = 0; parts != null && i < parts.size(); i++)
          list.add(part(parts.get(i), m.getPayloadInfo().getPartInfo().get(i)));
      } catch (final Exception e) {
        entry.add("exception", String.valueOf(e));
        return AS4MessageProcessorResult.createFailure();
      }
      entry.add("parts", list);
      return AS4MessageProcessorResult.createSuccess();
    }

    private static JsonObject part(final WSS4JAttachment a, final Ebms3PartInfo info) throws Exception {
      final byte[] data;
      try (InputStream in = a.getInputStreamProvider().getInputStream()) {
        data = in.readAllBytes();
      }
      final JsonObject part = new JsonObject();
      part.add("size", data.length);
      part.add("sha256", HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data)));
      if (data.length <= SMALL)
        part.add("data", Base64.getEncoder().encodeToString(data));
      final JsonObject properties = new JsonObject();
      for (final Ebms3Property p : info.getPartProperties().getProperty())
        properties.add(p.getName(), p.getValue());
      part.add("properties", properties);
      return part;
    }

    @Override
    public AS4SignalMessageProcessorResult processAS4SignalMessage(final IAS4IncomingMessageMetadata meta, final HttpHeaderMap headers,
        final Ebms3SignalMessage m, final IPMode pmode, final IAS4IncomingMessageState state, final AS4ErrorList errors) {
      return AS4SignalMessageProcessorResult.createSuccess();
    }

    @Override
    public void processAS4ResponseMessage(final IAS4IncomingMessageMetadata meta, final IAS4IncomingMessageState state, final String id,
        final byte[] bytes, final boolean payload, final AS4ErrorList errors) {
      // the answer is recorded where it is written
    }
  }
}
