//go:build libssl && cgo

#include "binding.h"
#include <string.h>

// In Go.
extern int mbVerify(X509_STORE_CTX *store, uintptr_t handle);
extern int mbSelect(SSL *ssl, uintptr_t handle, char *name);

static int handle_index(void) {
	static int index = -1; // the first call is before any connection, from New under a lock
	if (index < 0) index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

// mb_free frees a string of Go's, mb_free_der what mb_peer has made.
void mb_free(void *p) { free(p); }
void mb_free_der(unsigned char *der) { OPENSSL_free(der); }

uintptr_t mb_handle(SSL *ssl) { return (uintptr_t)SSL_get_ex_data(ssl, handle_index()); }

static int verify(X509_STORE_CTX *store, void *arg) {
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	int err = mbVerify(store, mb_handle(ssl));
	X509_STORE_CTX_set_error(store, err);
	return err == X509_V_OK;
}

static int select_name(SSL *ssl, int *alert, void *arg) {
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (!mbSelect(ssl, mb_handle(ssl), (char *)(name ? name : ""))) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return SSL_TLSEXT_ERR_OK;
}

// mb_new_brainpool reports whether TLS 1.3 knows brainpool certificates (OpenSSL 3.2).
int mb_new_brainpool(void) { return OpenSSL_version_num() >= 0x30200000L; }

SSL_CTX *mb_ctx(int server, const char *ciphers, const char *suites13, const char *groups, const char *signatures, const char **what) {
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	*what = "context";
	if (!ctx) return NULL;
	handle_index();
	*what = "versions";
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) goto bad;
	if (!SSL_CTX_set_max_proto_version(ctx, mb_new_brainpool() ? TLS1_3_VERSION : TLS1_2_VERSION)) goto bad;
	*what = "suites";
	if (!SSL_CTX_set_cipher_list(ctx, ciphers) || !SSL_CTX_set_ciphersuites(ctx, suites13)) goto bad;
	*what = "groups";
	if (!SSL_CTX_set1_groups_list(ctx, groups)) goto bad;
	*what = "signatures";
	if (!SSL_CTX_set1_sigalgs_list(ctx, signatures) || !SSL_CTX_set1_client_sigalgs_list(ctx, signatures)) goto bad;
	// No renegotiation, no compression, no sessions: every connection proves both sides anew.
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	SSL_CTX_set_max_cert_list(ctx, 32 << 10);
	if (server) SSL_CTX_set_tlsext_servername_callback(ctx, select_name);
	return ctx;
bad:
	SSL_CTX_free(ctx);
	return NULL;
}

// mb_use sets certificate, chain and key from PEM, the leaf first.
int mb_use(SSL_CTX *ctx, const void *chain, int chain_len, const void *key, int key_len) {
	int ok = 0;
	X509 *cert = NULL;
	EVP_PKEY *pkey = NULL;
	BIO *b = BIO_new_mem_buf(chain, chain_len), *k = BIO_new_mem_buf(key, key_len);
	if (!b || !k) goto end;
	if (!(cert = PEM_read_bio_X509(b, NULL, NULL, NULL)) || !SSL_CTX_use_certificate(ctx, cert)) goto end;
	for (;;) {
		X509 *ca = PEM_read_bio_X509(b, NULL, NULL, NULL);
		if (!ca) break;
		if (!SSL_CTX_add0_chain_cert(ctx, ca)) { X509_free(ca); goto end; }
	}
	ERR_clear_error(); // the end of the file
	if (!(pkey = PEM_read_bio_PrivateKey(k, NULL, NULL, NULL))) goto end;
	ok = SSL_CTX_use_PrivateKey(ctx, pkey) && SSL_CTX_check_private_key(ctx);
end:
	X509_free(cert);
	EVP_PKEY_free(pkey);
	BIO_free(b);
	BIO_free(k);
	return ok;
}

SSL *mb_new(SSL_CTX *ctx, uintptr_t handle, int server, const char *host, BIO **in, BIO **out) {
	SSL *ssl = SSL_new(ctx);
	if (!ssl) return NULL;
	*in = BIO_new(BIO_s_mem());
	*out = BIO_new(BIO_s_mem());
	if (!*in || !*out || !SSL_set_ex_data(ssl, handle_index(), (void *)handle) || (!server && !SSL_set_tlsext_host_name(ssl, host))) {
		BIO_free(*in);
		BIO_free(*out);
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_mem_eof_return(*in, -1); // empty means later, not never
	SSL_set_bio(ssl, *in, *out);
	if (server) SSL_set_accept_state(ssl); else SSL_set_connect_state(ssl);
	return ssl;
}

int mb_pending(BIO *b) { return (int)BIO_ctrl_pending(b); }

// mb_peer returns the DER of a certificate that the other side has sent: 0 is the leaf, then what came with it.
int mb_peer(X509_STORE_CTX *store, int i, unsigned char **der) {
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
	*der = NULL;
	if (i == 0) return leaf ? i2d_X509(leaf, der) : 0;
	return i < sk_X509_num(sent) ? i2d_X509(sk_X509_value(sent, i), der) : 0;
}

// mb_error writes the reason of the oldest error of this thread as a C string and forgets the others.
int mb_error(char *reason, int len) {
	unsigned long e = ERR_get_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	reason[0] = 0;
	if (text) strncat(reason, text, len - 1);
	ERR_clear_error();
	return text != NULL;
}

// mb_do makes one step (0 handshake, 1 read, 2 write, 3 close) and looks at its errors, which belong to the thread.
int mb_do(SSL *ssl, int op, void *buf, int len, int *status, char *reason, int reason_len) {
	int n = 0;
	ERR_clear_error();
	switch (op) {
	case 0: n = SSL_do_handshake(ssl); break;
	case 1: n = SSL_read(ssl, buf, len); break;
	case 2: n = SSL_write(ssl, buf, len); break;
	case 3: n = SSL_shutdown(ssl); break;
	}
	*status = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);
	mb_error(reason, reason_len);
	return n;
}

const char *mb_group(SSL *ssl) {
	int id = SSL_get_negotiated_group(ssl);
	if (id & TLSEXT_nid_unknown) {
		switch (id & 0xffff) { // of TLS 1.3, which have no number in the library
		case 31: return "brainpoolP256r1";
		case 32: return "brainpoolP384r1";
		case 33: return "brainpoolP512r1";
		}
		return "";
	}
	return id ? OBJ_nid2sn(id) : "";
}

int mb_ems(SSL *ssl) { return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1; }
