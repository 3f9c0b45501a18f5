"""DSPy's side: reads the job as JSON from its first argument, then a question a line, and answers each with a line.

The wording of the program is that of question.ts, which comes with the job.
"""

import asyncio
import json
import os
import sys
import time

# Prices and descriptions of models are not needed, and would be fetched.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy  # noqa: E402

job = json.loads(sys.argv[1])
lm = dspy.LM(f"openai/{job['model']}", api_base=job["url"], api_key="simulated", cache=False, num_retries=0)
dspy.configure(lm=lm, track_usage=False)
predict = dspy.Predict(job["signature"])
predict.demos = [dspy.Example(**demo) for demo in job["demos"]]
made = 0


def inputs_of(index):
    rows = job["inputs"]
    row = rows[index % len(rows)]
    return {**row, "question": f"{row['question']} ({index})"}


async def call_lm(index):
    texts = await lm.acall(messages=[{"role": "user", "content": f"{job['message']}{index}"}])
    if not texts[0]:
        raise RuntimeError("an empty answer")


async def call_program(index):
    got = await predict.acall(**inputs_of(index))
    if (got.answer, got.certainty) != (job["outputs"]["answer"], job["outputs"]["certainty"]):
        raise RuntimeError(f"the program read {got}")


kinds = {"lm": call_lm, "program": call_program}


async def block(kind, calls, concurrency):
    global made
    left = calls

    async def caller():
        global made
        nonlocal left
        while left > 0:
            left -= 1
            made += 1
            await kinds[kind](made)

    cpu = time.process_time()
    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(concurrency)))
    ms = (time.perf_counter() - started) * 1_000
    return {"calls": calls, "ms": ms, "cpuUs": (time.process_time() - cpu) * 1e6}


async def main():
    print(json.dumps({"version": dspy.__version__}), flush=True)
    # One loop for all: connections are kept with the loop they were made in.
    while line := await asyncio.to_thread(sys.stdin.readline):
        question = json.loads(line)
        try:
            answer = await block(**question)
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
