/* Writes into its own code, which is a trap: never gets to its exit. */
int
main(void)
{
    *(volatile unsigned *)(unsigned long)main = 0;
    return 0;
}
