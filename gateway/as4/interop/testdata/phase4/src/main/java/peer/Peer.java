package peer;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.Security;
import java.util.concurrent.Executors;

import org.bouncycastle.jce.provider.BouncyCastleProvider;

import com.helger.phase4.CAS4Version;
import com.helger.phase4.incoming.AS4ServerInitializer;
import com.helger.servlet.mock.MockServletContext;
import com.helger.web.scope.mgr.WebScopeManager;
import com.sun.net.httpserver.HttpServer;

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
 * The only argument is a directory with the test PKI, see Pki. The process writes "listening PORT" to its standard
 * output and ends when its standard input ends.
 */
public final class Peer {
  private Peer() {}

  public static void main(final String[] args) throws Exception {
    // The JDK knows no brainpool curves any more; the list of refused curves is emptied in case it names them.
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    Security.setProperty("jdk.disabled.namedCurves", "");
    WebScopeManager.onGlobalBegin(MockServletContext.create());
    AS4ServerInitializer.initAS4Server();

    final Pki pki = new Pki(Path.of(args[0]));
    final Profile profile = Profile.register();
    final Receiver receiver = new Receiver(pki, profile);
    final Sender sender = new Sender(pki, profile);

    final HttpServer http = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    http.setExecutor(Executors.newFixedThreadPool(4));
    http.createContext("/as4", receiver::receive);
    http.createContext("/received", receiver::report);
    http.createContext("/send", sender::send);
    http.createContext("/versions", x -> Receiver.answer(x, 200, "text/plain", versions(profile).getBytes()));
    http.start();
    System.out.println("listening " + http.getAddress().getPort());
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
