package peer;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.Security;
import java.util.List;
import java.util.concurrent.Executors;

import javax.net.ssl.SSLParameters;

import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.jsse.provider.BouncyCastleJsseProvider;

import com.helger.phase4.CAS4Version;
import com.helger.phase4.incoming.AS4ServerInitializer;
import com.helger.servlet.mock.MockServletContext;
import com.helger.web.scope.mgr.WebScopeManager;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;

/**
 * phase4 as a partner on the loopback interface. One process does everything:
 *
 * <pre>
 * POST /as4       an AS4 message, answered by phase4
 * GET  /received  what came to /as4 since the last call, as a JSON array
 * POST /send      phase4 sends the body of the request as payload, see Sender
 * GET  /versions  the libraries, one "name version" a line
 * </pre>
 *
 * The same is there with TLS, with the certificate of one partner. The arguments are a directory with the test PKI, see
 * Pki, and the name of that partner. The process writes "listening PORT TLS-PORT" to its standard output and ends when
 * its standard input ends.
 */
public final class Peer {
  private Peer() {}

  public static void main(final String[] args) throws Exception {
    // The JDK knows no brainpool curves any more; the list of refused curves is emptied in case it names them.
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    Security.setProperty("jdk.disabled.namedCurves", "");
    // Without this list Bouncy Castle offers no brainpool curve in TLS 1.2, and no certificate of the SM-PKI fits.
    System.setProperty("jdk.tls.namedGroups", "brainpoolP256r1, brainpoolP384r1, brainpoolP512r1, secp256r1, secp384r1");
    Security.addProvider(new BouncyCastleJsseProvider());
    WebScopeManager.onGlobalBegin(MockServletContext.create());
    AS4ServerInitializer.initAS4Server();

    final Pki pki = new Pki(Path.of(args[0]));
    final Profile profile = Profile.register();
    final Receiver receiver = new Receiver(pki, profile);
    final Sender sender = new Sender(pki, profile);

    final HttpServer http = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    final HttpsServer https = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(pki.tls(args[1])) {
      @Override
      public void configure(final HttpsParameters p) {
        final SSLParameters s = getSSLContext().getDefaultSSLParameters();
        s.setNeedClientAuth(true);
        s.setProtocols(new String[] {"TLSv1.2"});
        p.setSSLParameters(s);
      }
    });
    for (final HttpServer server : List.of(http, https)) {
      server.setExecutor(Executors.newFixedThreadPool(4));
      server.createContext("/as4", receiver::receive);
      server.createContext("/received", receiver::report);
      server.createContext("/send", sender::send);
      server.createContext("/versions", x -> Receiver.answer(x, 200, "text/plain", versions(profile).getBytes()));
      server.start();
    }
    System.out.println("listening " + http.getAddress().getPort() + " " + https.getAddress().getPort());
    System.out.flush();
    while (System.in.read() >= 0) {
      // the parent lives
    }
    System.exit(0);
  }

  private static String versions(final Profile profile) {
    return "java " + System.getProperty("java.version") + "\n"
        + "phase4 " + CAS4Version.BUILD_VERSION + "\n"
        + "wss4j " + org.apache.wss4j.dom.engine.WSSConfig.class.getPackage().getImplementationVersion() + "\n"
        + "santuario " + org.apache.xml.security.Init.class.getPackage().getImplementationVersion() + "\n"
        + "bouncycastle " + new BouncyCastleProvider().getVersionStr() + "\n"
        + "bdew-profile " + profile.origin() + "\n";
  }
}
