/* Preloaded into viaduct-evm by run-evm: says at the end how often a public key was recovered. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

/* As secp256k1_recovery.h has it. */
typedef int (*recover_fn)(const void *context, void *key, const void *signature,
                          const unsigned char *hash);
int secp256k1_ecdsa_recover(const void *context, void *key, const void *signature,
                            const unsigned char *hash);

static unsigned count;

int
secp256k1_ecdsa_recover(const void *context, void *key, const void *signature,
                        const unsigned char *hash)
{
    recover_fn real = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "secp256k1_ecdsa_recover");
    count++;
    return real(context, key, signature, hash);
}

__attribute__((destructor)) static void
say(void)
{
    if (count > 0) {
        fprintf(stderr, "recovered %u times\n", count);
    }
}
