package peer;

import java.util.List;

import org.apache.wss4j.common.bsp.BSPRule;
import org.apache.wss4j.dom.handler.RequestData;

import com.helger.phase4.crypto.ECryptoKeyIdentifierType;
import com.helger.phase4.crypto.AS4SigningParams;
import com.helger.phase4.crypto.ECryptoAlgorithmC14N;
import com.helger.phase4.crypto.IAS4DecryptParameterModifier;
import com.helger.phase4.incoming.crypto.AS4IncomingSecurityConfiguration;

/** How phase4 signs and what it checks, the same in both directions. */
final class Security implements IAS4DecryptParameterModifier {
  /**
   * The Basic Security Profile wants a SecurityTokenReference where the BDEW profile wants X509Data (R5426). Its other
   * rules stay in force. Certificates are checked against the revocation lists of the test PKI.
   */
  @Override
  public void modifyRequestData(final RequestData data) {
    data.setIgnoredBSPRules(List.of(BSPRule.R5426));
    data.setEnableRevocation(true);
  }

  /** Signs as the profile says: exclusive C14N, token of type PKIPath; or X.509v3 as some products do. */
  static void sign(final AS4SigningParams p, final boolean path) {
    p.setKeyIdentifierType(ECryptoKeyIdentifierType.BST_DIRECT_REFERENCE);
    p.setAlgorithmC14N(ECryptoAlgorithmC14N.C14N_EXCL_OMIT_COMMENTS);
    p.setUseSingleCertificate(!path);
    p.setSecurityProvider(java.security.Security.getProvider("BC"));
  }

  static AS4IncomingSecurityConfiguration configuration() {
    final AS4SigningParams p = new AS4SigningParams();
    sign(p, true);
    return new AS4IncomingSecurityConfiguration().setSigningParams(p).setDecryptParameterModifier(new Security());
  }
}
