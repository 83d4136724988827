// What cannot be called from Go: macros, and functions that need function pointers.
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>

SSL_CTX *mb_ctx(int server, const char *ciphers, const char *suites13, const char *groups, const char *signatures, const char **what);
int mb_use(SSL_CTX *ctx, const void *chain, int chain_len, const void *key, int key_len);
SSL *mb_new(SSL_CTX *ctx, uintptr_t handle, int server, const char *host, BIO **in, BIO **out);
uintptr_t mb_handle(SSL *ssl);
int mb_pending(BIO *b);
int mb_peer(X509_STORE_CTX *store, int i, unsigned char **der);
int mb_do(SSL *ssl, int op, void *buf, int len, int *status, char *reason, int reason_len);
int mb_error(char *reason, int len);
const char *mb_group(SSL *ssl);
int mb_ems(SSL *ssl);
int mb_new_brainpool(void);
void mb_free(void *p);
void mb_free_der(unsigned char *der);
