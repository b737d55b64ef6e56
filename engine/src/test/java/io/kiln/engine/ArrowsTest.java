package io.kiln.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rooms of the engine and who may open whose door (ARCHITECTURE.md). */
@AnalyzeClasses(packages = "io.kiln.engine", importOptions = ImportOption.DoNotIncludeTests.class)
class ArrowsTest {
  @ArchTest
  static final ArchRule arrows_point_one_way =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("train")
          .definedBy("io.kiln.engine.train..")
          .layer("infer")
          .definedBy("io.kiln.engine.infer..")
          .layer("zero")
          .definedBy("io.kiln.engine.zero..")
          .layer("model")
          .definedBy("io.kiln.engine.model..")
          .layer("optim")
          .definedBy("io.kiln.engine.optim..")
          .layer("comm")
          .definedBy("io.kiln.engine.comm..")
          .layer("checkpoint")
          .definedBy("io.kiln.engine.checkpoint..")
          .layer("config")
          .definedBy("io.kiln.engine.config..")
          .layer("kernel")
          .definedBy("io.kiln.engine.kernel..")
          .layer("tensor")
          .definedBy("io.kiln.engine.tensor..")
          .whereLayer("train")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("infer")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("zero")
          .mayOnlyBeAccessedByLayers("train")
          .whereLayer("model")
          .mayOnlyBeAccessedByLayers("zero", "train", "infer")
          .whereLayer("optim")
          .mayOnlyBeAccessedByLayers("zero", "train")
          .whereLayer("comm")
          .mayOnlyBeAccessedByLayers("zero", "train")
          .whereLayer("checkpoint")
          .mayOnlyBeAccessedByLayers("model", "zero", "train", "infer")
          .whereLayer("kernel")
          .mayOnlyBeAccessedByLayers("model", "optim")
          .whereLayer("config")
          .mayOnlyBeAccessedByLayers("optim", "model", "zero", "train");

  @ArchTest
  static final ArchRule the_engine_knows_no_spark =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark..", "scala..");

  @ArchTest
  static final ArchRule names_say_what_a_thing_is =
      noClasses()
          .should()
          .haveSimpleNameEndingWith("Utils")
          .orShould()
          .haveSimpleNameEndingWith("Helper")
          .orShould()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Impl");
}
