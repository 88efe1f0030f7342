from wherry import task


@task(name="text.count", timeout=30.0)
async def count_words(text):
    return len(text.split())
