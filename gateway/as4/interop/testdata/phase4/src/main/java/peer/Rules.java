package peer;

import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;

import com.helger.diagnostics.error.SingleError;
import com.helger.diagnostics.error.list.ErrorList;
import com.helger.phase4.CAS4;
import com.helger.phase4.ebms3header.Ebms3AgreementRef;
import com.helger.phase4.ebms3header.Ebms3CollaborationInfo;
import com.helger.phase4.ebms3header.Ebms3PartInfo;
import com.helger.phase4.ebms3header.Ebms3PartyId;
import com.helger.phase4.ebms3header.Ebms3Property;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.profile.IAS4ProfileValidator;

/**
 * The rules of the BDEW AS4 profile 1.1 for the header of a user message and for its signature certificate (chapters
 * 2.2.3, 2.3.1, 2.3.2, 2.3.4.4, 2.3.6 and 2.3.7), on the header as phase4 has parsed it.
 */
final class Rules implements IAS4ProfileValidator {
  static final String SERVICE_MP = "https://www.bdew.de/as4/communication/services/MP";
  static final String SERVICE_TEST = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/service";
  static final String SERVICE_SWITCH = "https://www.bdew.de/as4/communication/services/pathSwitch";
  static final String ACTION = "http://docs.oasis-open.org/ebxml-msg/as4/200902/action";
  static final String ACTION_TEST = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/test";
  static final String ACTION_REQUEST = "https://www.bdew.de/as4/communication/actions/requestSwitch";
  static final String ACTION_CONFIRM = "https://www.bdew.de/as4/communication/actions/confirmSwitch";
  static final String TYPE_BDEW = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW";

  private static final Set<String> TYPES = Set.of(TYPE_BDEW, "urn:oasis:names:tc:ebcore:partyid-type:unregistered:DVGW",
      "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BAHN", "urn:oasis:names:tc:ebcore:partyid-type:iso6523:0088");
  private static final Set<String> PAIRS = Set.of(SERVICE_MP + " " + ACTION, SERVICE_TEST + " " + ACTION_TEST,
      SERVICE_SWITCH + " " + ACTION_REQUEST, SERVICE_SWITCH + " " + ACTION_CONFIRM);
  private static final Pattern MP_ID = Pattern.compile("[0-9]{13}");
  private static final Pattern MESSAGE_ID = Pattern.compile("[^<>@\\s]+@[^<>@\\s]+");

  @Override
  public void validateUserMessage(final Ebms3UserMessage m, final ErrorList list) {
    final Finder f = new Finder(list);
    f.must(m.getMpc() == null || m.getMpc().equals(CAS4.DEFAULT_MPC_ID), "mpc is not the default");
    f.must(m.getMessageInfo() != null && m.getMessageInfo().getMessageId() != null
        && MESSAGE_ID.matcher(m.getMessageInfo().getMessageId()).matches(), "MessageId has not the form of RFC 2822");
    f.must(m.getMessageInfo() != null && m.getMessageInfo().getRefToMessageId() == null, "RefToMessageId is present");
    if (m.getPartyInfo() == null || m.getPartyInfo().getFrom() == null || m.getPartyInfo().getTo() == null) {
      f.must(false, "From or To is missing");
    } else {
      party(f, "From", m.getPartyInfo().getFrom().getPartyId(), m.getPartyInfo().getFrom().getRole(), CAS4.DEFAULT_INITIATOR_URL);
      party(f, "To", m.getPartyInfo().getTo().getPartyId(), m.getPartyInfo().getTo().getRole(), CAS4.DEFAULT_RESPONDER_URL);
    }
    final Ebms3CollaborationInfo c = m.getCollaborationInfo();
    if (c == null) {
      f.must(false, "CollaborationInfo is missing");
      return;
    }
    final Ebms3AgreementRef a = c.getAgreementRef();
    f.must(a != null && Profile.AGREEMENT.equals(a.getValue()), "AgreementRef is not the one of the profile");
    f.must(a == null || a.getPmode() == null && a.getType() == null, "AgreementRef has attributes");
    f.must("".equals(c.getConversationId()), "ConversationId is not empty");
    final String service = c.getService() == null ? null : c.getService().getValue();
    f.must(PAIRS.contains(service + " " + c.getAction()), "Service " + service + " with Action " + c.getAction());
    parts(f, m, SERVICE_SWITCH.equals(service));
  }

  private static void party(final Finder f, final String side, final List<Ebms3PartyId> ids, final String role, final String want) {
    f.must(ids.size() == 1 && MP_ID.matcher(ids.get(0).getValue()).matches(), side + " is not exactly one MP-ID");
    f.must(ids.size() == 1 && ids.get(0).getType() != null && TYPES.contains(ids.get(0).getType()), side + " has an unknown PartyId type");
    f.must(want.equals(role), side + " has not the role " + want);
  }

  private static void parts(final Finder f, final Ebms3UserMessage m, final boolean none) {
    final List<Ebms3PartInfo> parts = m.getPayloadInfo() == null ? List.of() : m.getPayloadInfo().getPartInfo();
    f.must(parts.size() == 1 || none && parts.isEmpty(), parts.size() + " parts");
    for (final Ebms3PartInfo p : parts) {
      f.must(p.getHref() != null && p.getHref().startsWith("cid:"), "PartInfo without cid");
      final List<Ebms3Property> properties = p.getPartProperties() == null ? List.of() : p.getPartProperties().getProperty();
      f.must("application/gzip".equals(value(properties, "CompressionType")), "CompressionType is not application/gzip");
      f.must(value(properties, "MimeType") != null, "MimeType is missing");
      final List<String> names = new ArrayList<>();
      for (final Ebms3Property q : properties) {
        f.must(!names.contains(q.getName()), "property " + q.getName() + " twice");
        names.add(q.getName());
      }
      final String date = value(properties, "BDEWDocumentDate");
      f.must(date == null || date.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}"), "BDEWDocumentDate " + date);
    }
  }

  private static String value(final List<Ebms3Property> properties, final String name) {
    return properties.stream().filter(p -> name.equals(p.getName())).map(Ebms3Property::getValue).findFirst().orElse(null);
  }

  @Override
  public void validateInitiatorIdentity(final Ebms3UserMessage m, final X509Certificate signature, final IAS4IncomingMessageMetadata meta,
      final ErrorList list) {
    final Finder f = new Finder(list);
    if (signature == null) {
      f.must(false, "the message is not signed");
      return;
    }
    final List<String> units = subject(signature, "OU");
    final String from = m.getPartyInfo().getFrom().getPartyId().get(0).getValue();
    f.must(units.equals(List.of(from)), "the signature certificate is of " + units + " and the message from " + from);
    f.must(subject(signature, "CN").stream().anyMatch(cn -> cn.contains(".EMT.MAK")), "the signature certificate is not of class EMT.MAK");
    if (meta.hasRemoteTlsCerts())
      f.must(subject(meta.remoteTlsCerts().getFirstOrNull(), "OU").equals(List.of(from)), "the TLS certificate is of another partner");
    f.must(signature.getKeyUsage() != null && signature.getKeyUsage()[0], "the signature certificate is not for signatures");
  }

  private static List<String> subject(final X509Certificate c, final String type) {
    final List<String> values = new ArrayList<>();
    try {
      for (final Rdn r : new LdapName(c.getSubjectX500Principal().getName()).getRdns())
        if (r.getType().equalsIgnoreCase(type))
          values.add(String.valueOf(r.getValue()));
    } catch (final InvalidNameException e) {
      values.add(e.getMessage());
    }
    return values;
  }

  private static final class Finder {
    private final ErrorList list;

    Finder(final ErrorList list) {
      this.list = list;
    }

    void must(final boolean ok, final String text) {
      if (!ok)
        list.add(SingleError.builderError().errorText(text).build());
    }
  }
}
