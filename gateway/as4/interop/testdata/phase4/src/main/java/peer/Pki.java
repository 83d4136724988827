package peer;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

import org.apache.wss4j.common.crypto.Crypto;
import org.apache.wss4j.common.crypto.Merlin;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CRLConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;

import com.helger.phase4.crypto.AS4CryptoFactoryInMemoryKeyStore;
import com.helger.phase4.crypto.ECryptoMode;

/**
 * The test PKI in a directory of PEM files:
 *
 * <pre>
 * root.pem                   trust anchors
 * crl/*.pem                  revocation lists
 * NAME/signature.pem, .key   certificate, its Sub-CA; private key
 * NAME/encryption.pem, .key
 * NAME/tls.pem, .key
 * </pre>
 *
 * NAME is the MP-ID for regular partners and anything for broken ones.
 */
final class Pki {
  private static final char[] PASSWORD = "test".toCharArray();

  private final Path dir;
  private final KeyStore trust;
  private final CertStore crls;

  Pki(final Path dir) throws Exception {
    this.dir = dir;
    trust = KeyStore.getInstance("PKCS12", "BC");
    trust.load(null, null);
    for (final X509Certificate c : read(dir.resolve("root.pem"), X509Certificate.class))
      trust.setCertificateEntry("root" + trust.size(), c);
    final List<X509CRL> lists = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(dir.resolve("crl"), "*.pem")) {
      for (final Path f : files)
        lists.addAll(read(f, X509CRL.class));
    }
    crls = CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists));
  }

  /** The crypto factory of a partner for one usage, "signature" or "encryption". */
  AS4CryptoFactoryInMemoryKeyStore factory(final String name, final String usage) throws Exception {
    return new Factory(store(name, usage), trust, crls);
  }

  /** TLS with the certificate of a partner and the roots of the PKI, by Bouncy Castle because the JDK has no brainpool. */
  SSLContext tls(final String name) throws Exception {
    final KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX", "BCJSSE");
    keys.init(store(name, "tls"), PASSWORD);
    final TrustManagerFactory roots = TrustManagerFactory.getInstance("PKIX", "BCJSSE");
    roots.init(trust);
    final SSLContext context = SSLContext.getInstance("TLS", "BCJSSE");
    context.init(keys.getKeyManagers(), roots.getTrustManagers(), null);
    return context;
  }

  private KeyStore store(final String name, final String usage) throws Exception {
    final Path files = dir.resolve(name);
    final PrivateKey key = read(files.resolve(usage + ".key"), PrivateKey.class).get(0);
    final KeyStore own = KeyStore.getInstance("PKCS12", "BC");
    own.load(null, null);
    own.setKeyEntry("own", key, PASSWORD, read(files.resolve(usage + ".pem"), X509Certificate.class).toArray(new Certificate[0]));
    return own;
  }

  X509Certificate encryptionCertificate(final String name) throws Exception {
    return read(dir.resolve(name).resolve("encryption.pem"), X509Certificate.class).get(0);
  }

  private static <T> List<T> read(final Path file, final Class<T> type) throws IOException, GeneralSecurityException {
    final List<T> found = new ArrayList<>();
    try (Reader r = Files.newBufferedReader(file); PEMParser pem = new PEMParser(r)) {
      for (Object o; (o = pem.readObject()) != null; ) {
        Object v = null;
        if (o instanceof X509CertificateHolder)
          v = new JcaX509CertificateConverter().setProvider("BC").getCertificate((X509CertificateHolder) o);
        else if (o instanceof X509CRLHolder)
          v = new JcaX509CRLConverter().setProvider("BC").getCRL((X509CRLHolder) o);
        else if (o instanceof PEMKeyPair)
          v = key(((PEMKeyPair) o).getPrivateKeyInfo());
        else if (o instanceof PrivateKeyInfo)
          v = key((PrivateKeyInfo) o);
        if (type.isInstance(v))
          found.add(type.cast(v));
      }
    }
    if (found.isEmpty())
      throw new IOException(file + ": no " + type.getSimpleName());
    return found;
  }

  private static PrivateKey key(final PrivateKeyInfo info) throws IOException, GeneralSecurityException {
    return KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
  }

  /** Adds the revocation lists to the certificate checks of WSS4J. */
  private static final class Factory extends AS4CryptoFactoryInMemoryKeyStore {
    private final CertStore crls;

    Factory(final KeyStore own, final KeyStore trust, final CertStore crls) {
      super(own, "own", PASSWORD, trust);
      this.crls = crls;
    }

    @Override
    public Crypto getCrypto(final ECryptoMode mode) {
      final Merlin merlin = (Merlin) super.getCrypto(mode);
      merlin.setCRLCertStore(crls);
      return merlin;
    }
  }
}
