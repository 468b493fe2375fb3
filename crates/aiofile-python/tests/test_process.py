"""The process around it: exit, fork, signals."""


def test_exit_with_operations_in_flight(program):
    said = program(
        """
        import asyncio, os, aiofile_rs

        async def main():
            reader, writer = os.pipe()
            file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
            tasks = [asyncio.create_task(file.read_at(1, 0)) for _ in range(10)]
            buffer = bytearray(8)
            tasks.append(asyncio.create_task(file.readinto(buffer, 0)))
            await asyncio.sleep(0)
            print("in flight", aiofile_rs.default_context().metrics["in_flight"], flush=True)
            return tasks, writer

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)
        kept = loop.run_until_complete(main())
        """
    )
    assert said == "in flight 11\n"


def test_exit_from_within_a_task(program):
    program(
        """
        import asyncio, os, sys, aiofile_rs

        async def main():
            reader, writer = os.pipe()
            file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
            task = asyncio.create_task(file.read_at(1, 0))
            await asyncio.sleep(0)
            sys.exit(3)

        asyncio.run(main())
        """,
        code=3,
    )


def test_an_interrupt_ends_a_wait_and_leaves_all_usable(program):
    said = program(
        """
        import asyncio, os, signal, aiofile_rs

        reader, writer = os.pipe()

        async def main():
            file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
            loop = asyncio.get_running_loop()
            loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
            await file.read_at(4, 0)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")

        async def again():
            file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
            os.write(writer, b"kept")
            return await file.read_at(4, 0)

        print(asyncio.run(again()))
        """
    )
    assert said == "interrupted\nb'kept'\n"


def test_a_forked_child_has_a_context_of_its_own(program, tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    said = program(
        """
        import asyncio, os, sys, warnings, aiofile_rs

        warnings.simplefilter("ignore")

        async def main():
            async with aiofile_rs.open_aio(sys.argv[1]) as file:
                return await file.read_at(4, 0)

        async def opened():
            return await aiofile_rs.open_aio(sys.argv[1], "rb+")

        print(asyncio.run(main()), flush=True)
        file = asyncio.run(opened())
        child = os.fork()
        if child == 0:
            print(asyncio.run(main()), flush=True)
            try:
                asyncio.run(file.fsync())
            except RuntimeError as error:
                print("fork" in str(error), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(asyncio.run(file.fsync()))
        """,
        tmp_path / "data",
    )
    assert said.splitlines() == ["b'text'", "b'text'", "True", "None"]


def test_threads_at_exit(program, tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    program(
        """
        import asyncio, sys, threading, aiofile_rs

        async def main():
            file = await aiofile_rs.open_aio(sys.argv[1], "rb+")
            while True:
                await file.fsync()
                started.set()

        started = threading.Event()
        for _ in range(4):
            threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
        started.wait()
        """,
        tmp_path / "data",
    )


def test_a_sub_interpreter_is_refused(program):
    said = program(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters

        code = '''if True:
            try:
                import aiofile_rs
                print("imported", flush=True)
            except ImportError as error:
                print("refused", "interpreter" in str(error), flush=True)
        '''

        def refused():
            kinds = ["isolated", "legacy"] if hasattr(interpreters, "new_config") else [None]
            for kind in kinds:
                number = interpreters.create(*([kind] if kind else []))
                failed = interpreters.run_string(number, code)
                assert not failed, failed

        refused()
        import aiofile_rs
        refused()
        """
    )
    assert said and set(said.splitlines()) == {"refused True"}


def test_exit_with_operations_of_the_compatible_door_in_flight(program):
    said = program(
        """
        import os
        from aiofile_rs.caio import variants

        reader, writer = os.pipe()
        kept = []
        for variant in variants:
            if variant.__name__.endswith("python_aio"):
                continue
            context = variant.Context()
            operation = variant.Operation.read(1, reader, 0)
            operation.set_callback(lambda result: None)
            assert context.submit(operation) == 1
            kept.append((context, operation))
        print("in flight", flush=True)
        """
    )
    assert said == "in flight\n"
