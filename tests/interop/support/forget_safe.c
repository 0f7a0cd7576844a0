/* forget_safe FOLDER empties the index of safe heads of the database in a node's data folder, as if
   the node had begun to keep it today. */
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static int
forget(MDB_env *env)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {.mv_size = strlen("safe-range"), .mv_data = (void *)"safe-range"};
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_dbi_open(txn, "safe", 0, &dbi);
    rc = rc != 0 ? rc : mdb_drop(txn, dbi, 0);
    rc = rc != 0 ? rc : mdb_dbi_open(txn, "meta", 0, &dbi);
    rc = rc != 0 ? rc : mdb_del(txn, dbi, &key, NULL);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

int
main(int argc, char **argv)
{
    MDB_env *env;
    if (argc != 2 || mdb_env_create(&env) != 0) {
        return 2;
    }
    mdb_env_set_maxdbs(env, 64);
    int rc = mdb_env_open(env, argv[1], 0, 0600);
    rc = rc != 0 ? rc : forget(env);
    if (rc != 0) {
        fprintf(stderr, "forget_safe: %s\n", mdb_strerror(rc));
    }
    mdb_env_close(env);
    return rc != 0;
}
