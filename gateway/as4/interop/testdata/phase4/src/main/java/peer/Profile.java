package peer;

import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

import com.helger.base.state.ETriState;
import com.helger.diagnostics.error.list.ErrorList;
import com.helger.phase4.CAS4;
import com.helger.phase4.attachment.EAS4CompressionMode;
import com.helger.phase4.crypto.ECryptoAlgorithmCrypt;
import com.helger.phase4.crypto.ECryptoAlgorithmSign;
import com.helger.phase4.crypto.ECryptoAlgorithmSignDigest;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.mgr.MetaAS4Manager;
import com.helger.phase4.model.EMEP;
import com.helger.phase4.model.EMEPBinding;
import com.helger.phase4.model.pmode.IPMode;
import com.helger.phase4.model.pmode.IPModeIDProvider;
import com.helger.phase4.model.pmode.PMode;
import com.helger.phase4.model.pmode.PModeParty;
import com.helger.phase4.model.pmode.PModePayloadService;
import com.helger.phase4.model.pmode.PModeReceptionAwareness;
import com.helger.phase4.model.pmode.leg.EPModeSendReceiptReplyPattern;
import com.helger.phase4.model.pmode.leg.PModeLeg;
import com.helger.phase4.model.pmode.leg.PModeLegBusinessInformation;
import com.helger.phase4.model.pmode.leg.PModeLegErrorHandling;
import com.helger.phase4.model.pmode.leg.PModeLegProtocol;
import com.helger.phase4.model.pmode.leg.PModeLegSecurity;
import com.helger.phase4.profile.AS4Profile;
import com.helger.phase4.profile.IAS4Profile;
import com.helger.phase4.profile.IAS4ProfileValidator;
import com.helger.phase4.wss.EWSSVersion;

/**
 * The BDEW profile for phase4: the P-Mode of every message and the validators. Rules always runs; the validator of
 * phase4's own module phase4-profile-bdew runs too when the module is on the class path. What a validator finds on a
 * message is kept for the report of the receiver.
 */
final class Profile implements IAS4ProfileValidator {
  static final String ID = "interop";
  static final String AGREEMENT = "https://www.bdew.de/as4/communication/agreement";

  private final IAS4Profile module;
  private final Rules rules = new Rules();
  private final ThreadLocal<List<String>> findings = ThreadLocal.withInitial(ArrayList::new);

  private Profile(final IAS4Profile module) {
    this.module = module;
  }

  static Profile register() {
    final Profile p = new Profile(MetaAS4Manager.getProfileMgr().getProfileOfID("bdew"));
    MetaAS4Manager.getProfileMgr()
        .registerProfile(new AS4Profile(ID, "BDEW, recorded", () -> p,
            (from, to, address) -> pmode(from, to, Rules.SERVICE_MP, Rules.ACTION, true), IPModeIDProvider.DEFAULT_DYNAMIC, false, true));
    return p;
  }

  /** Says which validators run. */
  String origin() {
    return module == null ? "own rules only: phase4-profile-bdew is not on the class path"
        : "phase4-profile-bdew " + module.getValidator().getClass().getPackage().getImplementationVersion() + " and own rules";
  }

  /** What the validators found on this thread since the last call. */
  List<String> takeFindings() {
    final List<String> found = new ArrayList<>(findings.get());
    findings.get().clear();
    return found;
  }

  static PMode pmode(final String from, final String to, final String service, final String action, final boolean encrypt) {
    final PModeLegSecurity security = new PModeLegSecurity();
    security.setWSSVersion(EWSSVersion.WSS_111);
    security.setX509SignatureAlgorithm(ECryptoAlgorithmSign.ECDSA_SHA_256);
    security.setX509SignatureHashFunction(ECryptoAlgorithmSignDigest.DIGEST_SHA_256);
    if (encrypt)
      security.setX509EncryptionAlgorithm(ECryptoAlgorithmCrypt.AES_128_GCM);
    security.setX509EncryptionMinimumStrength(Integer.valueOf(128));
    security.setPModeAuthorize(false);
    security.setSendReceipt(true);
    security.setSendReceiptNonRepudiation(true);
    security.setSendReceiptReplyPattern(EPModeSendReceiptReplyPattern.RESPONSE);
    final PModeLeg leg = new PModeLeg(PModeLegProtocol.createForDefaultSoapVersion("https://localhost/as4"),
        PModeLegBusinessInformation.create(service, action, null, CAS4.DEFAULT_MPC_ID),
        new PModeLegErrorHandling(null, null, ETriState.TRUE, ETriState.TRUE, ETriState.TRUE, ETriState.TRUE), null, security);
    return new PMode("interop-" + from + "-" + to, new PModeParty(null, from, CAS4.DEFAULT_INITIATOR_URL, null, null),
        new PModeParty(null, to, CAS4.DEFAULT_RESPONDER_URL, null, null), AGREEMENT, EMEP.ONE_WAY, EMEPBinding.PUSH, leg, null,
        new PModePayloadService(EAS4CompressionMode.GZIP),
        new PModeReceptionAwareness(ETriState.TRUE, ETriState.TRUE, 1, 10_000, ETriState.TRUE));
  }

  private interface Check {
    void run(IAS4ProfileValidator v, ErrorList list);
  }

  private void all(final ErrorList target, final Check check) {
    final List<IAS4ProfileValidator> validators = new ArrayList<>(List.of(rules));
    if (module != null)
      validators.add(module.getValidator());
    for (final IAS4ProfileValidator v : validators) {
      final ErrorList found = new ErrorList();
      check.run(v, found);
      found.forEach(e -> findings.get().add(v.getClass().getSimpleName() + ": " + e.getErrorLevel().getID() + ": " + e.getErrorText(java.util.Locale.US)));
      target.addAll(found);
    }
  }

  @Override
  public void validatePMode(final IPMode pmode, final ErrorList list, final EAS4ProfileValidationMode mode) {
    all(list, (v, l) -> v.validatePMode(pmode, l, mode));
  }

  @Override
  public void validateInitiatorIdentity(final Ebms3UserMessage m, final X509Certificate signature, final IAS4IncomingMessageMetadata meta,
      final ErrorList list) {
    all(list, (v, l) -> v.validateInitiatorIdentity(m, signature, meta, l));
  }

  @Override
  public void validateUserMessage(final Ebms3UserMessage m, final ErrorList list) {
    all(list, (v, l) -> v.validateUserMessage(m, l));
  }

  @Override
  public void validateSignalMessage(final Ebms3SignalMessage m, final ErrorList list) {
    all(list, (v, l) -> v.validateSignalMessage(m, l));
  }
}
