package org.diffusionsoup.workbench.audit;

import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.registry.gate.DrawnTexts;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/**
 * An audit as the ledger tells it: all that decides whether its outcome means anything, so that
 * whoever asks for one later need not have seen it run.
 *
 * @param bound the rate that it was held against
 */
public record RecordedAudit(AuditRow row, double bound) {
    /**
     * What is signed.
     *
     * @param shard name of the recorded shard with just the protected pictures
     * @param texts how the prompts compare with those that were learnt of it
     * @param reference the same of the reference
     * @param checkpoint of the soup that drew
     */
    public JsonObject facts(
            Optional<String> shard,
            Optional<DrawnTexts> texts,
            Optional<String> reference,
            String checkpoint,
            GenerateSettings sampling) {
        MemorizationAudit audit = row.audit();
        Json.Builder facts = Json.object();
        shard.ifPresent(n -> facts.put("shard", n));
        texts.ifPresent(t -> facts.put(DrawnTexts.FIELD, t.word()));
        return facts.put("own_sampling", sampling.isModelsOwn())
                .put("steps", sampling.steps())
                .put("guidance", Double.toString(sampling.guidance()))
                .put("checkpoint", checkpoint)
                .put(Audit.ROWS, audit.shard().sha256())
                .put("judge", audit.judge().name())
                .put("judge_sha256", audit.judge().weightsSha256())
                .put("near_copies", row.result().copies().hits())
                .put("pictures", row.result().copies().total())
                .put("bound", Double.toString(bound))
                .put("threshold", Double.toString(audit.threshold()))
                .put(Audit.REFERENCE, reference(audit, reference))
                .put(Audit.MEANINGFUL, audit.isMeaningful())
                .build();
    }

    /** What the threshold was measured with, and how far those pictures are. */
    private static JsonObject reference(MemorizationAudit audit, Optional<String> recorded) {
        Shard against = audit.against();
        Json.Builder r = Json.object().put("name", against.name()).put("sha256", against.sha256());
        recorded.ifPresent(n -> r.put("shard", n));
        return r.put("pictures", audit.reference().size())
                .put("left_out", audit.leftOut())
                .put(Audit.TYPICAL, Double.toString(audit.typical()))
                .build();
    }
}
