/* An exit code that the machine has no status for. */
int
main(void)
{
    return 42;
}
