package org.diffusionsoup.cli.registry;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.command.YesFlag;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.PictureLikeness;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code soup expire}: what may no longer be used leaves. */
@Command(
        name = "expire",
        description = {
            "Withdraw every shard whose last day is over (UTC).",
            "Run it daily; it does nothing when there is nothing to do."
        },
        footer = {"  soup expire", "  soup expire --keep-selection --json"})
public final class ExpireCommand extends SoupCommand {
    @Mixin private ReselectFlags reselect = new ReselectFlags();

    @Mixin private NearFlags near = new NearFlags();

    @Mixin private YesFlag yes = new YesFlag();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Withdrawn done;
        Optional<ClipJudge> clip = Optional.empty();
        try (Progress progress = console.progress()) {
            Registry r = registry.open(progress);
            List<String> expired = r.expired();
            if (expired.isEmpty()) {
                progress.close();
                console.result(
                        Map.of("shards", List.of()), text -> text.println("nothing has expired"));
                return;
            }
            clip = near.open();
            done =
                    r.withdraw(
                            new WithdrawRequest(
                                    expired,
                                    Set.of(),
                                    "expired",
                                    reselect.keepSelection(),
                                    Optional.empty(),
                                    reselect.reselector(
                                            r, WithdrawalStop.of(console, registry, r), progress),
                                    Optional.of(new PictureLikeness(clip)),
                                    yes.consent()));
        } finally {
            clip.ifPresent(ClipJudge::close);
        }
        WithdrawnText.result(console, registry.openToRead(), done);
    }
}
